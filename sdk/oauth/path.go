// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"encoding/json"
	"strconv"
	"strings"
)

// document is a decoded answer. Numbers are json.Number, so that a large id
// stays what it is.
type document map[string]any

// lookup follows a path: "a.b", "list.0.c", "first|second".
func (d document) lookup(path string) (any, bool) {
	for one := range strings.SplitSeq(path, "|") {
		if v, ok := walk(map[string]any(d), one); ok {
			return v, true
		}
	}
	return nil, false
}

func walk(v any, path string) (any, bool) {
	for key := range strings.SplitSeq(path, ".") {
		switch node := v.(type) {
		case map[string]any:
			next, ok := node[key]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(node) {
				return nil, false
			}
			v = node[i]
		default:
			return nil, false
		}
	}
	return v, v != nil
}

// text is the string, number or boolean at path; "" where there is none.
func (d document) text(path string) string {
	if path == "" {
		return ""
	}
	v, _ := d.lookup(path)
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	default:
		return ""
	}
}

// str is the string at path, and nothing but a string: a token is no number.
func (d document) str(path string) string {
	v, _ := d.lookup(path)
	s, _ := v.(string)
	return s
}
