// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"net/url"
	"path"
	"regexp"
	"strings"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// api is a URL below which calls may go.
type api struct {
	url  *url.URL
	wild bool // any name below its host
}

var placeholder = regexp.MustCompile(`\{([a-z][a-z0-9_]*)\}`)

// apis fills in the templates of a descriptor. One whose values are not known
// is left out; private lets http through.
func apis(templates []string, values func(string) string, private bool) []api {
	var out []api
	for _, t := range templates {
		whole := true
		filled := placeholder.ReplaceAllStringFunc(t, func(key string) string {
			v := values(key[1 : len(key)-1])
			whole = whole && v != ""
			return strings.TrimSuffix(v, "/")
		})
		u, err := url.Parse(filled)
		if !whole || err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !scheme(u, private) {
			continue
		}
		a := api{url: u}
		u.Host, a.wild = strings.CutPrefix(u.Host, "*.")
		out = append(out, a)
	}
	return out
}

func scheme(u *url.URL, private bool) bool {
	return u.Scheme == "https" || private && u.Scheme == "http"
}

// covers reports whether a call may go to u.
func (a *api) covers(u *url.URL) bool {
	host := strings.EqualFold(u.Hostname(), a.url.Hostname())
	if a.wild {
		host = strings.HasSuffix(strings.ToLower(u.Hostname()), "."+strings.ToLower(a.url.Hostname()))
	}
	base := strings.TrimSuffix(a.url.Path, "/")
	return host && u.Scheme == a.url.Scheme && hub.Port(u) == hub.Port(a.url) && (u.Path == base || strings.HasPrefix(u.Path, base+"/"))
}

// Target is where a call goes: to address, or below the provider's usual API to
// the path (with its query) that rest is. The error is CodeInvalid.
func (*Relay) Target(d *hub.Descriptor, values func(string) string, private bool, address, rest string) (*url.URL, error) {
	list := apis(d.APIs, values, private)
	if len(list) == 0 {
		return nil, hub.Errorf(hub.CodeInvalid, "it is not known where the API of %s is", d.Name).
			WithRemedy("Its plugin or declaration has to name it (apis); an account that was connected before has to be connected again.")
	}
	if address == "" {
		if list[0].wild {
			return nil, hub.Errorf(hub.CodeInvalid, "%s has many APIs", d.Name).WithRemedy("Name the address in X-Relay-URL.")
		}
		address = strings.TrimSuffix(list[0].url.String(), "/") + rest
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || !scheme(u, private) {
		return nil, hub.Errorf(hub.CodeInvalid, "the address to call is no https URL without user and fragment").
			WithRemedy("Name it as https://HOST/PATH; the hub adds the token.")
	}
	if clean := path.Clean("/" + u.Path); u.Path != "" && clean != u.Path && clean+"/" != u.Path || strings.Contains(u.Path, `\`) {
		return nil, hub.Errorf(hub.CodeInvalid, "the path to call is not in its plain form").
			WithRemedy("Leave out dot segments, doubled slashes and backslashes.")
	}
	for i := range list {
		if list[i].covers(u) {
			return u, nil
		}
	}
	return nil, hub.Errorf(hub.CodeForbidden, "%s is not an address of the API of %s", u.Hostname(), d.Name).
		WithRemedy("The token of an account goes to its provider's API only.")
}
