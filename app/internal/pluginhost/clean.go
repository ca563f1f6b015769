// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes a plugin's text fit for screens and logs: valid UTF-8, no
// control characters, nothing that reorders or hides text, and at most limit
// bytes, cut at a character.
func clean(s string, limit int) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			r = ' '
		case r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			continue
		}
		if b.Len()+utf8.RuneLen(r) > limit {
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

// cleanAll cleans each of at most count texts, and drops the empty ones.
func cleanAll(in []string, count, limit int) []string {
	var out []string
	for _, s := range in {
		if len(out) == count {
			break
		}
		if s = clean(s, limit); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// plain reports whether s has at most limit bytes, all of them printable
// ASCII: what a token or an identifier may consist of (RFC 6749 appendix A).
func plain(s string, limit int) bool {
	if len(s) > limit {
		return false
	}
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}
