// SPDX-License-Identifier: Apache-2.0

package oauth_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
	"github.com/standpipe/standpipe/sdk/oauthtest"
	"github.com/standpipe/standpipe/sdk/secret"
)

// TestRefreshErrorClasses: what an answer means for the connection.
func TestRefreshErrorClasses(t *testing.T) {
	json := func(status int, body string) oauthtest.Fault {
		return oauthtest.Fault{Status: status, ContentType: "application/json", Body: body}
	}
	reauth, temporary, misconfigured := sdk.CodeReauthorizationRequired, sdk.CodeTemporary, sdk.CodeMisconfigured
	for _, tt := range []struct {
		name  string
		fault oauthtest.Fault
		want  sdk.Error
	}{
		{"Revoked", json(400, `{"error":"invalid_grant","error_description":"Token was revoked."}`), sdk.Error{Code: reauth, Reason: sdk.ReasonRevoked}},
		{"Expired", json(400, `{"error":"invalid_grant","error_description":"refresh token expired"}`), sdk.Error{Code: reauth, Reason: sdk.ReasonRefreshExpired}},
		{"ExpiredOrRevoked", json(400, `{"error":"invalid_grant","error_description":"Token has been expired or revoked."}`), sdk.Error{Code: reauth, Reason: sdk.ReasonUnknown}},
		{"Client401", json(401, `{"error":"invalid_client"}`), sdk.Error{Code: misconfigured, Field: "client_secret"}},
		{"Client403", json(403, `{"error":"unauthorized_client"}`), sdk.Error{Code: misconfigured, Field: "client_secret"}},
		{"Scope", json(400, `{"error":"invalid_scope"}`), sdk.Error{Code: misconfigured, Field: "scopes"}},
		{"UnknownCode", json(400, `{"error":"so_what"}`), sdk.Error{Code: reauth, Reason: sdk.ReasonUnknown, ProviderCode: "so_what"}},
		{"ErrorIn200", json(200, `{"error":"invalid_grant"}`), sdk.Error{Code: reauth, ProviderCode: "invalid_grant"}},
		{"NoToken200", json(200, `{"hello":"world"}`), sdk.Error{Code: temporary}},
		{"TokenIsNoString", json(200, `{"access_token":12345}`), sdk.Error{Code: temporary}},
		{"TokenWithNewline", json(200, `{"access_token":"a\nb"}`), sdk.Error{Code: temporary}},
		{"TwoDocuments", json(200, `{"access_token":"a"}{"access_token":"b"}`), sdk.Error{Code: temporary}},
		{"Array", json(200, `[]`), sdk.Error{Code: temporary}},
		{"Empty", json(200, ``), sdk.Error{Code: temporary}},
		{"HTML200", oauthtest.Fault{ContentType: "text/html", Body: "<form>access_token=x</form>"}, sdk.Error{Code: temporary}},
		{"HTML502", oauthtest.HTMLErrorPage, sdk.Error{Code: temporary}},
		{"HTML400", oauthtest.Fault{Status: 400, ContentType: "text/html", Body: "<h1>invalid_grant</h1>"}, sdk.Error{Code: temporary}},
		{"PlainTextThatIsNoForm", oauthtest.Fault{ContentType: "text/plain", Body: "try later"}, sdk.Error{Code: temporary}},
		{"GrantErrorWith500", json(500, `{"error":"invalid_grant"}`), sdk.Error{Code: temporary}},
		{"NotFoundJSON", json(404, `{"error":"invalid_grant"}`), sdk.Error{Code: temporary}},
		{"503RetryAfter", oauthtest.Fault{Status: 503, RetryAfter: 7 * time.Second}, sdk.Error{Code: temporary, RetryAfter: 7 * time.Second}},
		{"429", oauthtest.Fault{Status: 429, RetryAfter: 30 * time.Second}, sdk.Error{Code: sdk.CodeRateLimited, RetryAfter: 30 * time.Second}},
		{"429GrantError", oauthtest.Fault{Status: 429, ContentType: "application/json", Body: `{"error":"invalid_grant"}`}, sdk.Error{Code: sdk.CodeRateLimited}},
		{"RetryAfterForever", oauthtest.Fault{Status: 429, RetryAfter: 900 * time.Hour}, sdk.Error{Code: sdk.CodeRateLimited, RetryAfter: 24 * time.Hour}},
		{"SlowDown", oauthtest.Fault{Code: "slow_down"}, sdk.Error{Code: sdk.CodeSlowDown}},
		{"Redirect", oauthtest.Fault{Status: 307}, sdk.Error{Code: temporary}},
		{"Huge", oauthtest.Fault{ContentType: "application/json", Body: `{"access_token":"a","x":"` + strings.Repeat("x", 1<<20) + `"}`}, sdk.Error{Code: temporary}},
		{"Policy", json(400, `{"error":"interaction_required"}`), sdk.Error{Code: reauth, Reason: sdk.ReasonPolicy}},
		{"AnswerLost", oauthtest.Fault{LoseAnswer: true}, sdk.Error{Code: temporary}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv, p := start(t, nil), provider(nil)
			first := mustConnect(t, srv, p)
			srv.Fail(oauthtest.EndpointToken, 1, tt.fault)
			_, err := refresh(t, srv, p, first.RefreshToken)
			wantError(t, err, tt.want)
			if n := srv.Count("refresh_token"); n != 1 {
				t.Errorf("%d requests; the plugin must not try again by itself", n)
			}
		})
	}
}

// TestFailingServer: an error code within a 5xx ends nothing, whatever the map
// makes of the code alone; a rule that names the status does.
func TestFailingServer(t *testing.T) {
	for _, tt := range []struct {
		name string
		rule oauth.ErrorRule
		want sdk.Code
	}{
		{"code alone", oauth.ErrorRule{Code: "invalid_grant", As: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonUnknown}, sdk.CodeTemporary},
		{"with its status", oauth.ErrorRule{Status: 503, Code: "invalid_grant", As: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonUnknown}, sdk.CodeReauthorizationRequired},
		{"what passes", oauth.ErrorRule{Code: "invalid_grant", As: sdk.CodeRateLimited}, sdk.CodeRateLimited},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv, p := start(t, nil), provider(func(s *oauth.Standard) { s.Errors = []oauth.ErrorRule{tt.rule} })
			first := mustConnect(t, srv, p)
			srv.Fail(oauthtest.EndpointToken, 1, oauthtest.Fault{Status: 503, Body: `{"error":"invalid_grant"}`})
			_, err := refresh(t, srv, p, first.RefreshToken)
			if e, ok := errors.AsType[*sdk.Error](err); !ok || e.Code != tt.want {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

func TestErrorMapComesFirst(t *testing.T) {
	srv := start(t, nil)
	p := provider(func(s *oauth.Standard) {
		s.Answer.OK, s.Answer.ErrorDetail = "ok", "codes.0"
		s.Errors = []oauth.ErrorRule{
			{On: []oauth.Leg{oauth.LegExchange}, Code: "odd", As: sdk.CodeUserDenied},
			{Status: 400, Text: "RETRY your", As: sdk.CodeTemporary, RetryAfter: oauth.Duration(time.Minute)},
			{Detail: "700082", As: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRefreshExpired, Message: "It was not used for too long."},
			{Code: "odd", As: sdk.CodeRateLimited},
		}
	})
	for body, want := range map[string]sdk.Error{
		`{"error":"unknown_error","error_description":"retry your request"}`: {Code: sdk.CodeTemporary, RetryAfter: time.Minute},
		`{"error":"invalid_grant","codes":[700082,1]}`:                       {Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRefreshExpired},
		`{"error":"odd"}`: {Code: sdk.CodeRateLimited},
	} {
		srv.Fail(oauthtest.EndpointToken, 1, oauthtest.Fault{Status: 400, ContentType: "application/json", Body: body})
		_, err := refresh(t, srv, p, secret.New("x"))
		wantError(t, err, want)
	}
	// ok:false with status 200, without an error code.
	srv.Fail(oauthtest.EndpointToken, 1, oauthtest.Fault{ContentType: "application/json", Body: `{"ok":false,"access_token":"no"}`})
	_, err := refresh(t, srv, p, secret.New("x"))
	wantError(t, err, sdk.Error{Code: sdk.CodeTemporary})
}

// TestErrorsHoldNoSecret: a provider that echoes what it was sent.
func TestErrorsHoldNoSecret(t *testing.T) {
	const token = "rt-canary 5&6"
	for _, echo := range []string{
		"bad token " + token, "secret " + clientSecret, "id rt-canary+5%266", "a token gho_16C7e42F292c6912E7710c838347Ae178B4a of somebody",
		"line\nbreak\x1b[31m\u202e and more", strings.Repeat("long ", 300),
	} {
		srv, p := start(t, nil), provider(nil)
		body := `{"error":` + quote(echo) + `,"error_description":` + quote(echo) + `}`
		srv.Fail(oauthtest.EndpointToken, 1, oauthtest.Fault{Status: 400, ContentType: "application/json", Body: body})
		_, err := refresh(t, srv, p, secret.New(token))
		if err == nil {
			t.Fatal("no error")
		}
		for _, bad := range []string{"canary", clientSecret, "16C7e42F", "\n", "\x1b", "\u202e"} {
			if strings.Contains(err.Error(), bad) {
				t.Errorf("%q shows in %q", bad, err)
			}
		}
		if e, ok := errors.AsType[*sdk.Error](err); !ok || len([]rune(e.Message)) > 200 {
			t.Errorf("message %q", err)
		}
	}
}

func quote(s string) string {
	b := strings.Builder{}
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == 0x1b:
			b.WriteString(`\u001b`)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func TestCredentialsFollowNoRedirect(t *testing.T) {
	var stolen bool
	thief := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen = true }), ReadHeaderTimeout: time.Second}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = thief.Serve(l) }()
	redirector := &http.Server{Handler: http.RedirectHandler("http://"+l.Addr().String()+"/", http.StatusTemporaryRedirect), ReadHeaderTimeout: time.Second}
	l2, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = redirector.Serve(l2) }()
	t.Cleanup(func() { _ = thief.Close(); _ = redirector.Close() })

	tg := sdk.Target{Config: map[string]string{"base_url": "http://" + l2.Addr().String()}, ClientID: clientID}
	p := provider(nil)
	_, errRefresh := p.Refresh(t.Context(), &sdk.RefreshRequest{Target: tg, ClientSecret: secret.New("s"), RefreshToken: secret.New("r")})
	wantError(t, errRefresh, sdk.Error{Code: sdk.CodeTemporary})
	_, errIdentify := p.Identify(t.Context(), &sdk.IdentifyRequest{Target: tg, AccessToken: secret.New("a")})
	if errIdentify == nil || stolen {
		t.Errorf("identify: %v; the redirect was followed: %v", errIdentify, stolen)
	}
}

func TestNobodyAnswers(t *testing.T) {
	srv, p := start(t, nil), provider(nil)
	srv.Fail(oauthtest.EndpointToken, 1, oauthtest.Fault{Hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := p.Refresh(ctx, &sdk.RefreshRequest{Target: target(srv), RefreshToken: secret.New("r")})
	wantError(t, err, sdk.Error{Code: sdk.CodeTemporary})
	if !strings.Contains(err.Error(), "in time") {
		t.Errorf("the text does not say that it took too long: %v", err)
	}
	url := srv.URL
	_ = srv.Close()
	_, err = p.Refresh(t.Context(), &sdk.RefreshRequest{
		Target: sdk.Target{Config: map[string]string{"base_url": url}}, RefreshToken: secret.New("r"),
	})
	wantError(t, err, sdk.Error{Code: sdk.CodeTemporary})
}
