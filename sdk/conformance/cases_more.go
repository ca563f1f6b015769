// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
	"github.com/standpipe/standpipe/sdk/wire"
)

// checkHostile calls with what no honest host sends. Whatever the answer is,
// it is one of the contract, and the plugin lives on.
func checkHostile(t *T, w *world) {
	targets := map[string]sdk.Target{
		"an unknown provider": {Provider: "no-such-provider", ClientID: w.cfg.ClientID, Config: w.target.Config},
		"nothing at all":      {},
		"a broken definition": {Provider: w.cfg.Provider, Definition: []byte("{\"slug\":[[[["), ClientID: w.cfg.ClientID, Config: w.target.Config},
		"hostile settings": {Provider: w.cfg.Provider, Definition: w.cfg.Definition, ClientID: "a\r\nX: y", Config: map[string]string{
			"base_url": "javascript:alert(1)", "": "", "x\x00": strings.Repeat("{client_id}", 1000),
		}},
	}
	long := strings.Repeat("A", 700<<10)
	for name, target := range targets {
		calls := map[string]func() error{
			"Authorize": func() error {
				_, err := try(w, "Authorize", w.Authorize, &sdk.AuthorizeRequest{Target: target, State: "\x00\x1b[2J" + long[:1000], RedirectURI: ":%zz"})
				return err
			},
			"Exchange": func() error {
				_, err := try(w, "Exchange", w.Exchange, &sdk.ExchangeRequest{Target: target, Code: secret.New(long), Params: map[string]string{"": "", "a": "\x7f"}})
				return err
			},
			"Refresh": func() error {
				_, err := try(w, "Refresh", w.Refresh, &sdk.RefreshRequest{Target: target})
				return err
			},
			"Identify": func() error {
				_, err := try(w, "Identify", w.Identify, &sdk.IdentifyRequest{Target: target, IDToken: secret.New("a.b.c")})
				return err
			},
			"Revoke": func() error {
				_, err := try(w, "Revoke", w.Revoke, &sdk.RevokeRequest{Target: target, Kind: "no kind", Reach: "everything"})
				return err
			},
		}
		for op, do := range calls {
			err := do()
			if transport, ok := errors.AsType[*wire.TransportError](err); ok && transport.Code != codes.ResourceExhausted && transport.Code != codes.InvalidArgument {
				t.Errorf("%s with %s: %v; want an answer or an *sdk.Error", op, name, err)
			} else if err != nil && !ok {
				if _, typed := errors.AsType[*sdk.Error](err); !typed {
					t.Errorf("%s with %s: want an *sdk.Error, got %v", op, name, err)
				}
			}
			if _, err := try(w, "Describe", w.Describe, w.describeRequest()); err != nil {
				t.Fatalf("after %s with %s the plugin does not answer any more: %v", op, name, err)
			}
		}
	}
	w.gate.forgive()
}

func checkDevice(t *T, w *world) {
	if !w.can(sdk.CanDevice) {
		t.Skip("it has no device flow")
	}
	user, ok := w.server.(DeviceConsenter)
	if !ok {
		t.Skip("the stand-in has no device flow")
	}
	start := func() *sdk.StartDeviceResponse {
		d, err := try(w, "StartDevice", w.StartDevice, &sdk.StartDeviceRequest{Target: w.target, ClientSecret: w.clientSecret(), Scopes: w.newFlow().scopes})
		if sdk.CodeOf(err) == sdk.CodeUnsupported {
			t.Skip("this provider has no device flow")
		}
		if err != nil {
			t.Fatalf("StartDevice: %v", err)
		}
		w.hide(d.DeviceCode)
		return d
	}
	poll := func(d *sdk.StartDeviceResponse) (*sdk.PollDeviceResponse, error) {
		return try(w, "PollDevice", w.PollDevice, &sdk.PollDeviceRequest{Target: w.target, ClientSecret: w.clientSecret(), DeviceCode: d.DeviceCode})
	}
	d := start()
	if u, err := url.Parse(d.VerificationURI); err != nil || u.Host == "" || d.DeviceCode.IsZero() || d.UserCode == "" || d.ExpiresIn <= 0 || d.Interval <= 0 {
		t.Errorf("StartDevice leaves out device code, user code, address, life or interval: %q at %q, %v, %v", d.UserCode, d.VerificationURI, d.ExpiresIn, d.Interval)
	}
	_, err := poll(d)
	typed(t, "PollDevice before the user has answered", err, sdk.CodeTemporary, sdk.CodeSlowDown)
	_, err = poll(d)
	typed(t, "PollDevice too soon", err, sdk.CodeSlowDown, sdk.CodeTemporary)

	d = start()
	user.ConsentDevice(d.UserCode, false)
	resp, err := poll(d)
	if err != nil {
		t.Fatalf("PollDevice after the user's yes: %v", err)
	}
	w.hideTokens(&resp.Tokens)
	checkTokens(t, w, "PollDevice", &resp.Tokens)

	d = start()
	user.ConsentDevice(d.UserCode, true)
	_, err = poll(d)
	typed(t, "PollDevice after the user's no", err, sdk.CodeUserDenied)

	d.DeviceCode = secret.New("not-a-device-code-of-this-provider")
	_, err = poll(d)
	typed(t, "PollDevice with a wrong code", err, permanent...)
}

func checkClientCredentials(t *T, w *world) {
	if !w.can(sdk.CanClientCredentials) {
		t.Skip("it gets no tokens for the client")
	}
	resp, err := try(w, "ClientCredentials", w.ClientCredentials, &sdk.ClientCredentialsRequest{Target: w.target, ClientSecret: w.clientSecret()})
	if err != nil {
		typed(t, "ClientCredentials at a stand-in without them", err, append(permanent, sdk.CodeUnsupported)...)
		t.Skip("the stand-in gives no tokens to clients")
	}
	w.hideTokens(&resp.Tokens)
	checkTokens(t, w, "ClientCredentials", &resp.Tokens)
	_, err = try(w, "ClientCredentials", w.ClientCredentials, &sdk.ClientCredentialsRequest{Target: w.target, ClientSecret: secret.New("not-the-secret")})
	typed(t, "ClientCredentials with a wrong secret", err, sdk.CodeMisconfigured, sdk.CodeReauthorizationRequired)
}

func checkIntrospect(t *T, w *world) {
	if !w.can(sdk.CanIntrospect) {
		t.Skip("it does not introspect")
	}
	tokens := w.connected().Tokens
	resp, err := try(w, "Introspect", w.Introspect, &sdk.IntrospectRequest{Target: w.target, ClientSecret: w.clientSecret(), AccessToken: tokens.AccessToken})
	if err != nil {
		typed(t, "Introspect at a stand-in without it", err, append(permanent, sdk.CodeUnsupported, sdk.CodeTemporary)...)
		t.Skip("the stand-in does not introspect")
	}
	if !resp.Active {
		t.Error("Introspect says of a fresh token that it is not active")
	}
	if resp, err = try(w, "Introspect", w.Introspect, &sdk.IntrospectRequest{Target: w.target, ClientSecret: w.clientSecret(), AccessToken: secret.New("not-a-token")}); err == nil && resp.Active {
		t.Error("Introspect says of a made-up token that it is active")
	}
}

func checkSettings(t *T, w *world) {
	if !w.can(sdk.CanCheck) {
		t.Skip("it does not check settings")
	}
	resp, err := try(w, "Check", w.Check, &sdk.CheckRequest{Target: w.target, ClientSecret: w.clientSecret()})
	if sdk.CodeOf(err) == sdk.CodeUnsupported {
		t.Skip("this provider does not check settings")
	}
	if err != nil {
		t.Fatalf("Check: %v", err)
	}
	for _, p := range resp.Problems {
		t.Errorf("Check finds something wrong with good settings: %s: %s", p.Field, p.Summary)
	}
}

// checkLeastSecret looks at what reaches the provider: a call sends the secrets
// that it was given, and none that an earlier call was.
func checkLeastSecret(t *T, w *world) {
	code := w.consent(w.newFlow())
	resp := want(w, "Exchange", w.Exchange, code)
	tokens := resp.Tokens
	w.hideTokens(&tokens)
	secrets := map[string]secret.Value{
		"the client secret": w.clientSecret(), "the code": code.Code, "the verifier": code.CodeVerifier,
		"the access token": tokens.AccessToken, "the refresh token": tokens.RefreshToken,
	}
	look := func(op, sent string, may ...string) {
		for what, v := range secrets {
			raw := v.Reveal()
			allowed := false
			for _, m := range may {
				allowed = allowed || m == what || secrets[m].Equal(v)
			}
			if len(raw) >= 6 && !allowed && (strings.Contains(sent, raw) || strings.Contains(sent, url.QueryEscape(raw))) {
				t.Errorf("%s sends %s, which it was not given: a plugin keeps nothing between calls", op, what)
			}
		}
	}
	if w.can(sdk.CanIdentify) {
		sent := w.gate.watch()
		_, _ = try(w, "Identify", w.Identify, w.identifyRequest(&tokens))
		look("Identify", sent(), "the access token")
	}
	if w.can(sdk.CanRefresh) && !tokens.RefreshToken.IsZero() {
		sent := w.gate.watch()
		if r, err := try(w, "Refresh", w.Refresh, w.refreshRequest(tokens.RefreshToken)); err == nil {
			w.hideTokens(&r.Tokens)
		}
		look("Refresh", sent(), "the client secret", "the refresh token")
	}
	if w.can(sdk.CanRevoke) {
		sent := w.gate.watch()
		_, _ = try(w, "Revoke", w.Revoke, &sdk.RevokeRequest{
			Target: w.target, ClientSecret: w.clientSecret(), Token: tokens.AccessToken, Kind: sdk.AccessToken, Reach: w.d.Revoke,
		})
		look("Revoke", sent(), "the client secret", "the access token")
	}
	sent := w.gate.watch()
	_, _ = try(w, "Authorize", w.Authorize, w.authorizeRequest(w.newFlow()))
	look("Authorize", sent())
}

// checkDeadline gives calls little time, with a provider that never answers.
func checkDeadline(t *T, w *world) {
	let := make(chan struct{}, 100)
	w.gate.set(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		let <- struct{}{}
	})
	for op, do := range w.operations() {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		through, _, _ := w.gate.counts()
		returned := make(chan error, 1)
		go func() { returned <- do(ctx) }()
		select {
		case err := <-returned:
			if err == nil {
				t.Errorf("%s succeeds without an answer", op)
			}
		case <-time.After(patience):
			cancel()
			t.Fatalf("%s does not return at its deadline", op)
		}
		cancel()
		if after, _, _ := w.gate.counts(); after == through {
			continue // it did not reach the provider: it cannot do that
		}
		select {
		case <-let:
		case <-time.After(patience):
			t.Errorf("%s goes on with the provider after its deadline", op)
		}
	}
}
