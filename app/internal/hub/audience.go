// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"errors"
	"net/url"
	"strings"
	"unicode"
)

const maxAudience = 512

// CheckAudience reports what keeps s from being a resource indicator: an
// absolute URI without a fragment (RFC 8707 section 2). The error goes on a
// sentence that began with what s is.
func CheckAudience(s string) error {
	switch u, err := url.Parse(s); {
	case len(s) > maxAudience:
		return errors.New("has more than 512 bytes")
	case err != nil || !u.IsAbs() || u.Host == "" && u.Opaque == "":
		return errors.New(`is no absolute URI, such as "https://api.example.com/"`)
	case strings.Contains(s, "#"):
		return errors.New("has a fragment, which a resource indicator must not have")
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }):
		return errors.New("holds a space or a character that does not print")
	}
	return nil
}
