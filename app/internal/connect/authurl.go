// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"net/url"
	"slices"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// checkAuthorizationURL refuses a URL that a plugin could use to weaken the
// flow or to phish: it must go to a pinned host and carry, exactly once, what
// the host made. Of a pushed request it carries a reference only; that state and
// challenge were in it shows when the answer comes, by the state, and when the
// code is redeemed, by the verifier.
func checkAuthorizationURL(raw string, pushed bool, req hub.AuthorizeRequest, r *hub.Resolved) error {
	bad := func(why string) error {
		return hub.Errorf(hub.CodePluginFailed, "the plugin of %s made an authorization URL that is refused: %s", r.Descriptor.Name, why).
			WithRemedy("This is a bug of the plugin.")
	}
	u, err := url.Parse(raw)
	if err != nil || len(raw) > 16<<10 {
		return bad("it is not a URL")
	}
	if u.User != nil || u.Fragment != "" {
		return bad("it holds a user name or a fragment")
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && r.Target.PrivateNetwork) {
		return bad("it is not https")
	}
	host := hub.HostPort(u)
	if !slices.Contains(r.Target.AllowedHosts, host) {
		return bad("its host " + host + " is not among the provider's")
	}
	q := u.Query()
	want := map[string]string{"state": req.State, "redirect_uri": req.RedirectURI, "client_id": r.Target.ClientID, "response_type": "code"}
	if !r.Descriptor.NoPKCE {
		want["code_challenge"], want["code_challenge_method"] = req.CodeChallenge, "S256"
	}
	if pushed {
		want = map[string]string{"client_id": r.Target.ClientID, "request_uri": q.Get("request_uri")}
		if q.Get("request_uri") == "" || len(q) != len(want) {
			return bad("it says that the request was pushed, and is no reference to one")
		}
	}
	for k, v := range want {
		if len(q[k]) != 1 || q.Get(k) != v {
			return bad("its " + k + " is not what the hub asked for")
		}
	}
	return nil
}
