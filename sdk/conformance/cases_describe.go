// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"encoding/json"
	"maps"
	"net"
	"net/url"
	"os/exec"
	"reflect"
	"slices"
	"strings"

	"github.com/standpipe/standpipe/sdk"
)

func checkDescription(t *T, w *world) {
	resp := want(w, "Describe", w.Describe, w.describeRequest())
	if through, _, refused := w.gate.counts(); through > 0 || len(refused) > 0 {
		t.Error("Describe makes network calls")
	}
	seen := map[string]bool{}
	for i := range resp.Providers {
		d := &resp.Providers[i]
		if err := d.Validate(); err != nil {
			t.Errorf("provider %q: %v", d.Slug, err)
		}
		if seen[d.Slug] {
			t.Errorf("provider %q is described twice", d.Slug)
		}
		seen[d.Slug] = true
		if d.Description == "" {
			t.Errorf("provider %q: say in a sentence what connecting gives", d.Slug)
		}
		if (d.Revoke == "" || d.Revoke == sdk.ReachNone) && d.RevokeNote == "" {
			t.Errorf("provider %q cannot revoke: tell the user in RevokeNote what to do", d.Slug)
		}
		if !w.direct && w.cfg.New != nil {
			// A provider may leave some out, where others of the plugin have them.
			for _, c := range d.Capabilities {
				if !slices.Contains(sdk.CapabilitiesOf(w.cfg.New()), c) {
					t.Errorf("provider %q is served with %q, its interfaces are %q", d.Slug, d.Capabilities, sdk.CapabilitiesOf(w.cfg.New()))
				}
			}
		}
	}
	again := want(w, "Describe", w.Describe, w.describeRequest())
	if !reflect.DeepEqual(resp, again) {
		t.Error("Describe says something else the second time")
	}
}

// checkDescribeVerb runs an executable by hand.
func checkDescribeVerb(t *T, cfg *Config, path string) {
	byHand := func(args ...string) (stdout, stderr string, err error) {
		return run(t, cfg, &exec.Cmd{Path: path, Args: append([]string{path}, args...), Env: []string{}, Dir: socketDir(t)})
	}
	if _, stderr, err := byHand(); err == nil || stderr == "" {
		how := "exit status 0"
		if err != nil {
			how = err.Error()
		}
		t.Errorf("started by hand it ends with %s and says %q; it should say on stderr what it is for, and exit with 1", how, cut(stderr))
	}
	stdout, stderr, err := byHand("describe")
	if err != nil {
		t.Fatalf("describe ends with %v: %s", err, cut(stderr))
	}
	var out struct {
		Protocol  int
		Providers []struct{ Slug string }
	}
	if err := json.Unmarshal([]byte(stdout), &out); err != nil || out.Protocol == 0 {
		t.Fatalf("describe prints %q, which is no JSON object with a protocol and providers", cut(stdout))
	}
	found := slices.ContainsFunc(out.Providers, func(p struct{ Slug string }) bool { return p.Slug == cfg.Provider })
	if cfg.Definition == nil && cfg.Provider != "" && !found {
		t.Errorf("describe prints no provider %q", cfg.Provider)
	}
}

func checkAuthorize(t *T, w *world) {
	f := w.newFlow()
	f.state += " +&=%/ü" // a state is whatever the host likes
	resp := want(w, "Authorize", w.Authorize, w.authorizeRequest(f))
	u, err := url.Parse(resp.URL)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		t.Fatalf("the authorization URL %q is none", resp.URL)
	}
	host := hostPort(u)
	if !w.allows(host) {
		t.Errorf("the authorization URL leads to %s, which the descriptor does not name", host)
	}
	if u.Scheme != "https" && !w.gate.inClear(host) {
		t.Errorf("the authorization URL is %s, not https", u.Scheme)
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		t.Fatalf("the authorization URL's query: %v", err)
	}
	exactly := map[string]string{
		"client_id": w.cfg.ClientID, "redirect_uri": w.cfg.RedirectURI, "state": f.state, "response_type": "code",
		"code_challenge": f.challenge(), "code_challenge_method": "S256",
	}
	if w.d.PKCE == sdk.PKCENever {
		delete(exactly, "code_challenge")
		delete(exactly, "code_challenge_method")
	}
	for name, value := range exactly {
		if got := q[name]; len(got) != 1 || got[0] != value {
			// GitHub and some others do without response_type.
			if name != "response_type" || len(got) > 0 {
				t.Errorf("the authorization URL has %s %q, want it once: %q", name, got, value)
			}
		}
	}
	if got := q["nonce"]; len(got) > 1 || len(got) == 1 && got[0] != f.nonce {
		t.Errorf("the authorization URL has nonce %q, want %q", got, f.nonce)
	}
	all := strings.Join(slices.Concat(slices.Collect(maps.Values(q))...), " ")
	for _, s := range f.scopes {
		// A prefix of ours that parts scopes into two kinds does not go out.
		if !strings.Contains(all, strings.TrimPrefix(s, w.d.Redirect.LoopbackScopes)) {
			t.Errorf("the authorization URL does not ask for the scope %q", s)
		}
	}
	if w.exposed(resp.URL) {
		t.Error("the authorization URL holds a secret")
	}
	if resp.IssuerRequired && resp.Issuer == "" {
		t.Error("an issuer is required, but not named")
	}
}

// hostPort is where a URL leads, with the port that is not said.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// allows reports whether the descriptor and the settings name a host.
func (w *world) allows(host string) bool {
	if host == w.gate.host() || slices.Contains(w.d.AllowedHosts, host) {
		return true
	}
	for _, f := range w.d.Config {
		if u, err := url.Parse(w.target.Config[f.Key]); err == nil && f.Kind == sdk.FieldURL && (u.Host == host || u.Host+":443" == host) {
			return true
		}
	}
	return false
}

// checkUnsupported asks for everything that the interfaces do not promise.
func checkUnsupported(t *T, w *world) {
	calls := map[sdk.Capability]func() error{
		sdk.CanRefresh: func() error { _, err := try(w, "Refresh", w.Refresh, w.refreshRequest(w.clientSecret())); return err },
		sdk.CanRevoke:  func() error { _, err := try(w, "Revoke", w.Revoke, &sdk.RevokeRequest{Target: w.target}); return err },
		sdk.CanIdentify: func() error {
			_, err := try(w, "Identify", w.Identify, &sdk.IdentifyRequest{Target: w.target})
			return err
		},
		sdk.CanDevice: func() error {
			_, err := try(w, "StartDevice", w.StartDevice, &sdk.StartDeviceRequest{Target: w.target})
			return err
		},
		sdk.CanClientCredentials: func() error {
			_, err := try(w, "ClientCredentials", w.ClientCredentials, &sdk.ClientCredentialsRequest{Target: w.target})
			return err
		},
		sdk.CanIntrospect: func() error {
			_, err := try(w, "Introspect", w.Introspect, &sdk.IntrospectRequest{Target: w.target})
			return err
		},
		sdk.CanCheck: func() error { _, err := try(w, "Check", w.Check, &sdk.CheckRequest{Target: w.target}); return err },
	}
	for c, f := range calls {
		if !w.can(c) {
			typed(t, string(c), f(), sdk.CodeUnsupported)
		}
	}
}
