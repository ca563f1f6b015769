// SPDX-License-Identifier: Apache-2.0

package connect_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// resolved is an integration whose client id and secret look like such.
func (h *house) resolved() *hub.Resolved {
	r, err := h.Resolve(context.Background(), "p", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Integration.Credentials = hub.CredentialsOwn
	r.Target.ClientSecret = secret.New("a-secret-of-some-length")
	return r
}

var madeUp = &hub.ProviderError{Class: hub.ProviderReauthorize, Reason: hub.ReasonUnknown, ProviderCode: "invalid_grant"}

// results are those of the steps, in their order.
func results(t *testing.T, checks []hub.Check) []hub.CheckResult {
	t.Helper()
	steps := []hub.CheckStep{hub.CheckCredentials, hub.CheckAddresses, hub.CheckPage, hub.CheckToken}
	if len(checks) != len(steps) {
		t.Fatalf("%d steps", len(checks))
	}
	var out []hub.CheckResult
	for i, c := range checks {
		if c.Step != steps[i] || c.Message == "" || c.Result == hub.CheckFailed && c.Remedy == "" {
			t.Errorf("step %d is %+v", i, c)
		}
		out = append(out, c.Result)
	}
	return out
}

// TestCheckOfAGoodIntegration: every step is well, the code that is traded is
// nobody's, and nothing is left.
func TestCheckOfAGoodIntegration(t *testing.T) {
	h := newHouse(t)
	h.exchange = madeUp
	h.probe = func(address string) (hub.Probe, error) {
		if !strings.HasPrefix(address, "https://p.test/authorize?") {
			t.Errorf("looked at %s", address)
		}
		return hub.Probe{Status: 200}, nil
	}
	got := results(t, h.Check(t.Context(), h.resolved()))
	if want := []hub.CheckResult{hub.CheckOK, hub.CheckOK, hub.CheckOK, hub.CheckOK}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if len(h.exchanged) != 1 || !strings.HasPrefix(h.exchanged[0].Code.Reveal(), "standpipe-test-") || h.exchanged[0].Prompt != nil {
		t.Errorf("exchanged %+v", h.exchanged)
	}
	// What was shown at the authorization URL opens no flow.
	u, err := url.Parse(h.authURL(h.asked[0]))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Callback(t.Context(), "/callback/p", url.Values{"state": u.Query()["state"], "code": {"c"}}); err == nil {
		t.Error("the state of a check is one of a flow")
	}
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	fine := func(string) (hub.Probe, error) { return hub.Probe{Status: 302, Location: "https://p.test/login"}, nil }
	answer := func(p hub.Probe) func(string) (hub.Probe, error) {
		return func(string) (hub.Probe, error) { return p, nil }
	}
	misconfigured := func(field string) error {
		return &hub.ProviderError{Class: hub.ProviderMisconfigured, Field: field, ProviderCode: "invalid_client", Message: "no"}
	}
	for name, test := range map[string]struct {
		change   func(*hub.Resolved)
		probe    func(string) (hub.Probe, error)
		exchange error
		step     int
		result   hub.CheckResult
		field    string
	}{
		"an address as client id":    {change: func(r *hub.Resolved) { r.Target.ClientID = "https://p.test/app" }, step: 0, result: hub.CheckFailed, field: "client_id"},
		"a blank in the secret":      {change: func(r *hub.Resolved) { r.Target.ClientSecret = secret.New("secret-secret ") }, step: 0, result: hub.CheckFailed, field: "client_secret"},
		"the id as secret":           {change: func(r *hub.Resolved) { r.Target.ClientSecret = secret.New(r.Target.ClientID) }, step: 0, result: hub.CheckFailed, field: "client_secret"},
		"a short secret":             {change: func(r *hub.Resolved) { r.Target.ClientSecret = secret.New("short") }, step: 0, result: hub.CheckUnclear},
		"a host that is not allowed": {change: func(r *hub.Resolved) { r.Target.AllowedHosts = []string{"q.test:443"} }, step: 1, result: hub.CheckFailed},
		"offline": {probe: func(string) (hub.Probe, error) {
			return hub.Probe{}, &hub.ProviderError{Class: hub.ProviderTemporary, Message: "no address", Unsent: true}
		}, step: 2, result: hub.CheckFailed},
		"no such page":               {probe: answer(hub.Probe{Status: 404}), step: 2, result: hub.CheckFailed},
		"an unknown client":          {probe: answer(hub.Probe{Status: 400}), step: 2, result: hub.CheckFailed, field: "client_id"},
		"a page out of order":        {probe: answer(hub.Probe{Status: 502}), step: 2, result: hub.CheckUnclear},
		"a page for browsers":        {probe: answer(hub.Probe{Status: 403}), step: 2, result: hub.CheckUnclear},
		"a scope that is not known":  {probe: answer(hub.Probe{Status: 302, Location: "http://127.0.0.1:4780/callback/p?error=invalid_scope"}), step: 2, result: hub.CheckFailed, field: "scopes"},
		"nobody is signed in":        {probe: answer(hub.Probe{Status: 302, Location: "http://127.0.0.1:4780/callback/p?error=login_required"}), step: 2, result: hub.CheckOK},
		"a wrong secret":             {exchange: misconfigured("client_secret"), step: 3, result: hub.CheckFailed, field: "client_secret"},
		"a redirect URI":             {exchange: misconfigured("redirect_uri"), step: 3, result: hub.CheckFailed, field: "redirect_uri"},
		"an answer of no use":        {exchange: misconfigured(""), step: 3, result: hub.CheckUnclear},
		"a token endpoint of nobody": {exchange: &hub.ProviderError{Class: hub.ProviderTemporary, Unsent: true, Message: "refused"}, step: 3, result: hub.CheckFailed},
		"a busy token endpoint":      {exchange: &hub.ProviderError{Class: hub.ProviderTemporary, Message: "busy"}, step: 3, result: hub.CheckUnclear},
		"a plugin that is gone":      {exchange: hub.Errorf(hub.CodePluginUnavailable, "gone").WithRemedy("Look."), step: 3, result: hub.CheckFailed},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.probe, h.exchange = fine, madeUp
			if test.probe != nil {
				h.probe = test.probe
			}
			if test.exchange != nil {
				h.exchange = test.exchange
			}
			r := h.resolved()
			if test.change != nil {
				test.change(r)
			}
			checks := h.Check(t.Context(), r)
			got := results(t, checks)
			if got[test.step] != test.result || checks[test.step].Field != test.field {
				t.Errorf("step %d: %+v", test.step, checks[test.step])
			}
			for i, later := range got[test.step+1:] {
				if skipped := test.result == hub.CheckFailed && test.step < 2; skipped != (later == hub.CheckSkipped) {
					t.Errorf("step %d after the one that was wrong: %v", test.step+1+i, later)
				}
			}
			for _, c := range checks {
				if strings.Contains(c.Message+c.Remedy, "a-secret-of-some-length") {
					t.Errorf("the secret is told: %+v", c)
				}
			}
		})
	}
}

// TestCheckOfAnythingGoes: who gives a token for a made-up code is no provider.
func TestCheckOfAnythingGoes(t *testing.T) {
	h := newHouse(t)
	h.probe = func(string) (hub.Probe, error) { return hub.Probe{Status: 200}, nil }
	if got := results(t, h.Check(t.Context(), h.resolved())); got[3] != hub.CheckUnclear {
		t.Errorf("%v", got)
	}
}

// TestCheckOfTheSandbox: one that does not run has nothing to do with the network.
func TestCheckOfTheSandbox(t *testing.T) {
	h := newHouse(t)
	unsent := &hub.ProviderError{Class: hub.ProviderTemporary, Message: "refused", Unsent: true}
	h.exchange = unsent
	h.probe = func(string) (hub.Probe, error) { return hub.Probe{}, unsent }
	r := h.resolved()
	r.Integration.Credentials = hub.CredentialsSandbox
	for _, c := range h.Check(t.Context(), r)[2:] {
		if c.Result != hub.CheckFailed || !strings.Contains(c.Remedy, "standpipe sandbox") {
			t.Errorf("%+v", c)
		}
	}
}

func TestCheckOfADeviceClient(t *testing.T) {
	h := newHouse(t)
	r := h.resolved()
	r.Integration.Credentials, r.Descriptor.SecretRequired, r.Target.ClientSecret = hub.CredentialsPublic, true, secret.Value{}
	got := results(t, h.Check(t.Context(), r))
	if want := []hub.CheckResult{hub.CheckOK, hub.CheckSkipped, hub.CheckSkipped, hub.CheckSkipped}; !slices.Equal(got, want) || len(h.exchanged) > 0 {
		t.Errorf("%v, %d exchanges", got, len(h.exchanged))
	}
}

func TestPreview(t *testing.T) {
	h := newHouse(t)
	p, err := h.Preview(t.Context(), h.resolved(), "")
	if err != nil || !strings.Contains(p.AuthorizationURL, "code_challenge=CODE-CHALLENGE") || !strings.Contains(p.AuthorizationURL, "state=STATE") {
		t.Errorf("%+v, %v", p, err)
	}
	h.probe = func(address string) (hub.Probe, error) {
		if address != "https://id.test/.well-known/openid-configuration" {
			t.Errorf("looked at %s", address)
		}
		return hub.Probe{Status: 200, Body: []byte(`{"issuer":"https://id.test","token_endpoint":"https://token.test/t","jwks_uri":"https://keys.test:8443/k","policy_uri":"https://no.test"}`)}, nil
	}
	p, err = h.Preview(t.Context(), h.resolved(), "https://id.test/")
	if want := []string{"keys.test:8443", "p.test:443", "token.test:443"}; err != nil || !slices.Equal(p.Hosts, want) {
		t.Errorf("hosts %v, %v; want %v", p.Hosts, err, want)
	}
	for name, bad := range map[string]hub.Probe{"nothing there": {Status: 404}, "a page": {Status: 200, Body: []byte("<html>")}} {
		h.probe = func(string) (hub.Probe, error) { return bad, nil }
		if _, err := h.Preview(t.Context(), h.resolved(), "https://id.test"); hub.AsError(err).Code != hub.CodeProviderMisconfigured || hub.AsError(err).Field != "issuer" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
