// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"strings"

	"github.com/standpipe/standpipe/sdk"
)

var placeholder = regexp.MustCompile(`\{([a-z][a-z0-9_]*)\}`)

// vars are the values of a template's keys.
type vars map[string]string

// varsOf is what every template of a call may use.
func (s *Standard) varsOf(t sdk.Target, redirectURI string) vars {
	v := make(vars, len(t.Config)+2)
	for _, f := range s.Descriptor.Config {
		if f.Default != "" {
			v[f.Key] = f.Default
		}
	}
	for k, value := range t.Config {
		if value != "" {
			v[k] = value
		}
	}
	v["client_id"] = t.ClientID
	v["redirect_uri"] = redirectURI
	return v
}

// with returns a copy with one more value.
func (v vars) with(key, value string) vars {
	out := maps.Clone(v)
	out[key] = value
	return out
}

// text fills a template that is no URL.
func (v vars) text(tmpl string) (string, error) {
	return v.fill(tmpl, func(_ int, value string) (string, error) { return value, nil })
}

// params fills the values of m.
func (v vars) params(m map[string]string) (map[string]string, error) {
	out := make(map[string]string, len(m))
	for k, tmpl := range m {
		value, err := v.text(tmpl)
		if err != nil {
			return nil, err
		}
		out[k] = value
	}
	return out, nil
}

// url fills a URL. A value that begins it must be an http or https base URL;
// any other is escaped, so that it cannot leave its place.
func (v vars) url(tmpl string) (string, error) {
	query := strings.IndexByte(tmpl, '?')
	out, err := v.fill(tmpl, func(at int, value string) (string, error) {
		switch {
		case at == 0:
			return baseURL(value)
		case query >= 0 && at > query:
			return url.QueryEscape(value), nil
		default:
			return url.PathEscape(value), nil
		}
	})
	if err != nil {
		return "", err
	}
	u, err := url.Parse(out)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || (u.Scheme != "https" && u.Scheme != "http") {
		return "", sdk.Misconfigured("", fmt.Sprintf("the settings make no usable address out of %q", tmpl))
	}
	return out, nil
}

// issuer fills an issuer. It is compared to the letter, and some end in a slash;
// so a setting that is all of it keeps its own.
func (v vars) issuer(tmpl string) (string, error) {
	out, err := v.url(tmpl)
	if err != nil || strings.IndexByte(tmpl, '}') != len(tmpl)-1 || strings.LastIndexByte(tmpl, '{') != 0 {
		return out, err
	}
	return v.fill(tmpl, func(_ int, value string) (string, error) { return value, nil })
}

// baseURL checks a config value that begins a URL, and takes off its last slash.
func baseURL(value string) (string, error) {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" ||
		(u.Scheme != "https" && u.Scheme != "http") {
		return "", fmt.Errorf("it must be a base URL such as https://example.com")
	}
	return strings.TrimRight(value, "/"), nil
}

// fill replaces each {key}; place says how a value stands at an offset of tmpl.
func (v vars) fill(tmpl string, place func(at int, value string) (string, error)) (string, error) {
	var b strings.Builder
	last := 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(tmpl, -1) {
		key := tmpl[m[2]:m[3]]
		value := v[key]
		if value == "" {
			return "", sdk.Misconfigured(key, fmt.Sprintf("the setting %q is needed and has no value", key))
		}
		placed, err := place(m[0], value)
		if err != nil {
			return "", sdk.Misconfigured(key, fmt.Sprintf("the setting %q is not usable: %v", key, err))
		}
		b.WriteString(tmpl[last:m[0]])
		b.WriteString(placed)
		last = m[1]
	}
	b.WriteString(tmpl[last:])
	return b.String(), nil
}

// keys lists the template keys of tmpl.
func keys(tmpl string) []string {
	var out []string
	for _, m := range placeholder.FindAllStringSubmatch(tmpl, -1) {
		out = append(out, m[1])
	}
	return out
}
