// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// Check tries an integration as far as that goes without a person: nothing is
// connected, nothing is stored. Its calls are those of a connect (the plugin
// makes the authorization URL, and trades a code that nobody issued) and a look
// at the page to which the browser will be sent. Where id, secret or addresses
// cannot be right, nobody is called.
func (e *Engine) Check(ctx context.Context, r *hub.Resolved) []hub.Check {
	c := checking{e: e, r: r, name: r.Descriptor.Name, state: random(32), verifier: random(32), nonce: random(16)}
	steps := []struct {
		step hub.CheckStep
		run  func(context.Context) hub.Check
	}{
		{hub.CheckCredentials, c.credentials}, {hub.CheckAddresses, c.addresses}, {hub.CheckPage, c.page}, {hub.CheckToken, c.token},
	}
	out := make([]hub.Check, 0, len(steps))
	var stop string
	for _, s := range steps {
		check := hub.Check{Result: hub.CheckSkipped, Message: stop}
		if stop == "" {
			check = s.run(ctx)
		}
		check.Step = s.step
		if check.Result == hub.CheckFailed && c.url == "" {
			stop = "not tried, because of what failed before"
		}
		out = append(out, check)
	}
	return out
}

type checking struct {
	e                      *Engine
	r                      *hub.Resolved
	name                   string
	url                    string
	state, verifier, nonce string
}

func ok(format string, args ...any) hub.Check {
	return hub.Check{Result: hub.CheckOK, Message: fmt.Sprintf(format, args...)}
}

func unclear(remedy, format string, args ...any) hub.Check {
	return hub.Check{Result: hub.CheckUnclear, Message: fmt.Sprintf(format, args...), Remedy: remedy}
}

func failed(field, remedy, format string, args ...any) hub.Check {
	return hub.Check{Result: hub.CheckFailed, Message: fmt.Sprintf(format, args...), Remedy: remedy, Field: field}
}

// codeless reports whether accounts are connected with a device code only.
func (c *checking) codeless() bool {
	return c.r.Integration.Credentials == hub.CredentialsPublic && c.r.Descriptor.SecretRequired
}

// credentials looks for what is often pasted by mistake.
func (c *checking) credentials(context.Context) hub.Check {
	id, key := c.r.Target.ClientID, c.r.Target.ClientSecret.Reveal()
	again := "Copy it again from the page of your OAuth app."
	switch {
	case c.r.Integration.Credentials == hub.CredentialsSandbox:
		return ok("the sandbox has a client of its own")
	case strings.ContainsAny(id, " \t\r\n") || strings.Contains(id, "://"):
		return failed("client_id", again, "the client ID holds blanks or is an address")
	case strings.TrimSpace(key) != key:
		return failed("client_secret", again, "the client secret begins or ends with a blank")
	case key != "" && key == id:
		return failed("client_secret", again, "the client secret is the same as the client ID")
	case key == "" && c.r.Descriptor.SecretRequired && !c.codeless():
		return failed("client_secret", again, "%s needs a client secret, and there is none", c.name)
	case key != "" && len(key) < 8:
		return unclear(again, "the client secret is very short")
	case key == "":
		return ok("the client ID has the form of one; there is no secret")
	}
	return ok("client ID and secret have the form of such")
}

func (c *checking) request() hub.AuthorizeRequest {
	return hub.AuthorizeRequest{
		RedirectURI: c.r.RedirectURI, State: c.state, Nonce: c.nonce, CodeChallenge: s256(c.verifier),
		Scopes: c.r.Scopes, SelectAccount: true, NeedRefreshToken: true, WithSecret: c.r.Descriptor.PushedRequests,
	}
}

func (c *checking) addresses(ctx context.Context) hub.Check {
	if c.codeless() {
		return hub.Check{Result: hub.CheckSkipped, Message: "accounts are connected with a code here, not by a page"}
	}
	answer, err := c.e.authorizationURL(ctx, c.r, c.request())
	if err != nil {
		h := public(err, c.name)
		remedy := h.Remedy
		if remedy == "" {
			remedy = "Compare the settings with the provider's documentation, and look whether this machine is online."
		}
		return failed(h.Field, remedy, "%s", h.Message)
	}
	c.url = answer.URL
	return ok("the browser will be sent to %s", hostOf(answer.URL))
}

func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "?"
	}
	return u.Host
}

// reach is what to look at where nobody answered.
func (c *checking) reach(besides string) string {
	if c.r.Integration.Credentials == hub.CredentialsSandbox {
		return "Start it: standpipe sandbox"
	}
	return "Look whether this machine is online, and " + besides + "."
}

func (c *checking) page(ctx context.Context) hub.Check {
	if c.url == "" {
		return hub.Check{Result: hub.CheckSkipped, Message: "there is no page to look at"}
	}
	p, err := c.e.cfg.Prober.Probe(ctx, c.r.Target, c.url)
	if err != nil {
		return failed("", c.reach("whether a proxy or firewall is in the way"), "%s", public(err, c.name).Message)
	}
	if code, why, came := c.cameBack(p.Location); came {
		if code == "login_required" || code == "interaction_required" || code == "consent_required" {
			return ok("the sign-in page answers")
		}
		field := map[string]string{"invalid_scope": "scopes", "unauthorized_client": "client_id"}[code]
		return failed(field, "What it says is about your OAuth app at "+c.name+": compare client ID, scopes and redirect URI there.", "%s sends the browser back at once with the error %s%s", c.name, code, why)
	}
	switch {
	case p.Status < 400:
		return ok("the sign-in page answers")
	case p.Status == 404 || p.Status == 410:
		return failed("", "Compare the client ID with your OAuth app, and the address with the provider's documentation.", "there is no page at the authorization URL, or not for this client ID (HTTP %d)", p.Status)
	case p.Status >= 500:
		return unclear("Try again later.", "the sign-in page is out of order (HTTP %d)", p.Status)
	case p.Status == 400:
		return failed("client_id", "Compare client ID and redirect URI with your OAuth app at "+c.name+".", "%s refuses the request (HTTP 400): most often it does not know the client ID, or not the redirect URI", c.name)
	}
	return unclear("Some providers show their page to browsers only; then connecting works all the same.", "the sign-in page answers with HTTP %d", p.Status)
}

// cameBack reads the error with which a provider sends the browser back
// (RFC 6749 section 4.1.2.1).
func (c *checking) cameBack(location string) (code, why string, came bool) {
	u, err := url.Parse(location)
	if location == "" || err != nil || !strings.HasPrefix(location, c.r.RedirectURI) || u.Query().Get("error") == "" {
		return "", "", false
	}
	code = clean(u.Query().Get("error"), 80)
	if d := u.Query().Get("error_description"); d != "" {
		why = ": " + clean(d, 200)
	}
	return code, why, true
}

// token trades a code that nobody issued. The client is looked at before the
// code (RFC 6749 section 3.2.1), so that the error says whether it was taken.
func (c *checking) token(ctx context.Context) hub.Check {
	if c.codeless() {
		return hub.Check{Result: hub.CheckSkipped, Message: "a client without a secret has nothing to prove"}
	}
	_, err := c.e.cfg.Providers.Exchange(ctx, c.r.Target, hub.ExchangeRequest{
		Code: secret.New("standpipe-test-" + random(12)), CodeVerifier: secret.New(c.verifier),
		RedirectURI: c.r.RedirectURI, Nonce: c.nonce, Scopes: c.r.Scopes,
	})
	if err == nil {
		return unclear("Use it only where nobody else can reach it.", "%s gave a token for a made-up code: that is no real provider", c.name)
	}
	pe, isProvider := errors.AsType[*hub.ProviderError](err)
	if !isProvider {
		return failed("", hub.AsError(err).Remedy, "%s", hub.AsError(err).Message)
	}
	said := ""
	if pe.ProviderCode != "" {
		said = " (" + pe.ProviderCode + ")"
	}
	switch {
	case pe.Class == hub.ProviderReauthorize && pe.Reason != hub.ReasonClientInvalid:
		return ok("the token endpoint took the client and refused the made-up code, as it should%s", said)
	case pe.Class == hub.ProviderMisconfigured && pe.Field == "redirect_uri":
		return failed("redirect_uri", "Enter the redirect URI that is shown here at "+c.name+", letter by letter.", "%s does not know the redirect URI%s", c.name, said)
	case pe.Class == hub.ProviderReauthorize, pe.Class == hub.ProviderMisconfigured && strings.HasPrefix(pe.Field, "client_"):
		return failed("client_secret", "Copy client ID and secret again from the page of your OAuth app; make a new secret if the old one is not shown.", "%s does not take the client ID or its secret%s", c.name, said)
	case pe.Class == hub.ProviderTemporary && pe.Unsent:
		return failed("", c.reach("whether the token address is that of the provider's documentation"), "the token endpoint cannot be reached: %s", pe.Message)
	case pe.Class == hub.ProviderTemporary:
		return unclear("Try again later.", "the token endpoint is busy or out of order: %s", pe.Message)
	}
	return unclear("Connect an account to be sure.", "the token endpoint answers with what says nothing about the client: %s%s", pe.Message, said)
}
