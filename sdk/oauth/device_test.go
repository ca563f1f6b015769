// SPDX-License-Identifier: Apache-2.0

package oauth_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
	"github.com/standpipe/standpipe/sdk/oauthtest"
	"github.com/standpipe/standpipe/sdk/secret"
)

// TestDeviceFlow runs RFC 8628 against a server of ours: by a named endpoint
// and by a discovered one, whose ID token has no nonce to check.
func TestDeviceFlow(t *testing.T) {
	for name, discover := range map[string]bool{"named": false, "discovered": true} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			srv := start(t, func(o *oauthtest.Options) { o.Rules.Now = func() time.Time { return now } })
			s := provider(func(s *oauth.Standard) {
				s.AuthorizeURL, s.TokenURL, s.DeviceURL = srv.URL+"/authorize", srv.URL+"/token", srv.URL+"/device"
				if discover {
					s.AuthorizeURL, s.TokenURL, s.DeviceURL, s.Identity, s.Issuer = "", "", "", nil, srv.URL
				}
			})
			target := sdk.Target{ClientID: clientID}
			d, err := s.StartDevice(t.Context(), &sdk.StartDeviceRequest{Target: target, ClientSecret: secret.New(clientSecret), Scopes: []string{"openid", "read"}})
			if err != nil {
				t.Fatal(err)
			}
			if d.Interval != 5*time.Second || d.ExpiresIn != 15*time.Minute || !strings.HasPrefix(d.VerificationURI, srv.URL) {
				t.Errorf("%+v", d)
			}
			poll := func() (*sdk.PollDeviceResponse, error) {
				return s.PollDevice(t.Context(), &sdk.PollDeviceRequest{Target: target, ClientSecret: secret.New(clientSecret), DeviceCode: d.DeviceCode})
			}
			for _, want := range []sdk.Code{sdk.CodeTemporary, sdk.CodeSlowDown} {
				if _, err := poll(); sdk.CodeOf(err) != want {
					t.Errorf("%v, want %s", err, want)
				}
			}
			srv.AnswerDevice(d.UserCode, "octocat")
			now = now.Add(time.Minute)
			got, err := poll()
			if err != nil || got.Tokens.AccessToken.IsZero() || !slices.Equal(got.Tokens.Scopes, []string{"openid", "read"}) {
				t.Fatalf("%+v, %v", got, err)
			}
			if discover && (got.Account == nil || got.Account.Login != "octocat") {
				t.Errorf("account %+v", got.Account)
			}
		})
	}
}

// TestDeviceFlowNeedsAnEndpoint: a provider without one says so, and does not
// claim to have it.
func TestDeviceFlowNeedsAnEndpoint(t *testing.T) {
	s := provider(nil)
	if _, err := s.StartDevice(t.Context(), &sdk.StartDeviceRequest{}); sdk.CodeOf(err) != sdk.CodeUnsupported {
		t.Errorf("start: %v", err)
	}
	if d := s.Description(); slices.Contains(d.Capabilities, sdk.CanDevice) || slices.Contains(d.Capabilities, sdk.CanIntrospect) || !slices.Contains(d.Capabilities, sdk.CanRevoke) {
		t.Errorf("it can %q", d.Capabilities)
	}
}

// TestLifeByIntrospection: a token whose answer names no life is asked about; an
// introspection that fails, or a client without a secret, leaves the guess.
func TestLifeByIntrospection(t *testing.T) {
	for name, tt := range map[string]struct {
		fault  *oauthtest.Fault
		client string
		source sdk.ExpirySource
		life   time.Duration
	}{
		"asked":          {client: clientID, source: sdk.ExpiryIntrospected, life: time.Hour},
		"fails":          {fault: &oauthtest.HTMLErrorPage, client: clientID, source: sdk.ExpiryAssumed, life: 2 * time.Hour},
		"without secret": {client: "public", source: sdk.ExpiryAssumed, life: 2 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			srv := start(t, func(o *oauthtest.Options) { o.Quirks.NoExpiresIn = true })
			if tt.fault != nil {
				srv.Fail(oauthtest.EndpointIntrospect, -1, *tt.fault)
			}
			s := provider(func(s *oauth.Standard) {
				s.AuthorizeURL, s.TokenURL = srv.URL+"/authorize", srv.URL+"/token"
				s.Answer.DefaultLifetime = oauth.Duration(2 * time.Hour)
				s.Introspection = &oauth.Introspection{URL: srv.URL + "/introspect"}
			})
			target := sdk.Target{ClientID: tt.client}
			d, p := srv.StartDevice(tt.client, nil), secret.Value{}
			if tt.client == clientID {
				p = secret.New(clientSecret)
			}
			srv.AnswerDevice(d.UserCode, "octocat")
			s.DeviceURL = srv.URL + "/device"
			got, err := s.PollDevice(t.Context(), &sdk.PollDeviceRequest{Target: target, ClientSecret: p, DeviceCode: secret.New(d.DeviceCode)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := (got.Tokens.ExpiresIn - tt.life).Abs(); got.Tokens.ExpirySource != tt.source || diff > 5*time.Second {
				t.Errorf("%v (%s), want %v (%s)", got.Tokens.ExpiresIn, got.Tokens.ExpirySource, tt.life, tt.source)
			}
		})
	}
}

// TestOfflineParams are asked with while no refresh token is held, and only then.
func TestOfflineParams(t *testing.T) {
	s := provider(func(s *oauth.Standard) {
		s.AuthorizeURL, s.TokenURL = "https://p.example/a", "https://p.example/t"
		s.OfflineParams = map[string]string{"prompt": "consent"}
	})
	for _, need := range []bool{true, false} {
		out, err := s.Authorize(t.Context(), &sdk.AuthorizeRequest{Target: sdk.Target{ClientID: "c"}, NeedRefreshToken: need})
		if err != nil || strings.Contains(out.URL, "prompt=consent") != need {
			t.Errorf("%v: %+v, %v", need, out, err)
		}
	}
}
