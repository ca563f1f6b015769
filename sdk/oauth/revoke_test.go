// SPDX-License-Identifier: Apache-2.0

package oauth_test

import (
	"testing"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
	"github.com/standpipe/standpipe/sdk/oauthtest"
	"github.com/standpipe/standpipe/sdk/secret"
)

func revoke(t *testing.T, srv *oauthtest.Server, p sdk.Revoker, token secret.Value, kind sdk.TokenKind, reach sdk.Reach) (*sdk.RevokeResponse, error) {
	t.Helper()
	return p.Revoke(t.Context(), &sdk.RevokeRequest{
		Target: target(srv), ClientSecret: secret.New(clientSecret), Token: token, Kind: kind, Reach: reach,
	})
}

func TestRevokeGoneIsRevoked(t *testing.T) {
	srv, p := start(t, nil), provider(nil)
	out, err := revoke(t, srv, p, secret.New("never-was"), sdk.AccessToken, sdk.ReachToken)
	if err != nil || out.Revoked != sdk.ReachToken {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestRevokeInTheVendorsWay(t *testing.T) {
	srv := start(t, func(o *oauthtest.Options) { o.Quirks.CustomRevoke = true })
	p := provider(func(s *oauth.Standard) {
		s.ClientAuth = oauth.AuthBody
		s.Revocation = &oauth.Revocation{
			URL: "{base_url}/tokens", Method: "DELETE", Auth: oauth.AuthBasic, Format: oauth.FormatJSON,
			Params: map[string]string{"access_token": "{token}"}, Kinds: []sdk.TokenKind{sdk.AccessToken}, Gone: []int{404},
		}
	})
	tokens := mustConnect(t, srv, p)
	for range 2 { // the second time it is gone already
		out, err := revoke(t, srv, p, tokens.AccessToken, sdk.AccessToken, sdk.ReachToken)
		if err != nil || out.Revoked != sdk.ReachToken {
			t.Fatalf("%+v, %v", out, err)
		}
		if _, live := srv.Lookup(tokens.AccessToken.Reveal()); live {
			t.Fatal("the token lives")
		}
	}
	_, err := revoke(t, srv, p, tokens.RefreshToken, sdk.RefreshToken, sdk.ReachToken)
	wantError(t, err, sdk.Error{Code: sdk.CodeUnsupported})
}

func TestRevokeNeverMoreThanAsked(t *testing.T) {
	srv := start(t, nil)
	p := provider(func(s *oauth.Standard) { s.Descriptor.Revoke = sdk.ReachGrant })
	_, err := revoke(t, srv, p, secret.New("x"), sdk.AccessToken, sdk.ReachToken)
	wantError(t, err, sdk.Error{Code: sdk.CodeUnsupported})
	if n := len(srv.Requests(oauthtest.EndpointRevoke)); n != 0 {
		t.Errorf("%d requests", n)
	}
	out, err := revoke(t, srv, p, secret.New("x"), sdk.AccessToken, sdk.ReachGrant)
	if err != nil || out.Revoked != sdk.ReachGrant {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestRevokeErrors(t *testing.T) {
	srv, p := start(t, nil), provider(nil)
	srv.Fail(oauthtest.EndpointRevoke, 1, oauthtest.Fault{Status: 503})
	_, err := revoke(t, srv, p, secret.New("x"), sdk.AccessToken, sdk.ReachToken)
	wantError(t, err, sdk.Error{Code: sdk.CodeTemporary})
	p = provider(func(s *oauth.Standard) {
		s.Revocation, s.Descriptor.Revoke, s.Descriptor.RevokeNote = nil, sdk.ReachNone, "Remove it in the settings."
	})
	_, err = revoke(t, srv, p, secret.New("x"), sdk.AccessToken, sdk.ReachToken)
	wantError(t, err, sdk.Error{Code: sdk.CodeUnsupported})
}
