// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"net/url"
	"regexp"
	"strings"
)

// answerKey stands in Identity.Picture for what is at a path of the answer.
var answerKey = regexp.MustCompile(`\{([^{}]+)\}`)

// isTemplate tells a URL with paths in it from a path.
func isTemplate(picture string) bool { return strings.Contains(picture, "://") }

// picture is the URL of an account's picture; "" where the answer has none.
func (d document) picture(where string) string {
	if !isTemplate(where) {
		return d.str(where)
	}
	whole := true
	out := answerKey.ReplaceAllStringFunc(where, func(key string) string {
		value := d.text(key[1 : len(key)-1])
		whole = whole && value != ""
		return url.PathEscape(value)
	})
	if !whole {
		return ""
	}
	return out
}

func (v *validation) picture(where string) {
	if !isTemplate(where) {
		return
	}
	u, err := url.Parse(answerKey.ReplaceAllString(where, "x"))
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		v.add("identity.picture %q is neither a path nor an https URL with {paths} in it", where)
	}
}
