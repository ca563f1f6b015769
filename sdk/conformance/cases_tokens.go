// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"net/url"
	"slices"
	"strings"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

func checkConnect(t *T, w *world) {
	resp := w.connected()
	checkTokens(t, w, "Exchange", &resp.Tokens)
	who := resp.Account
	if who != nil {
		checkAccount(t, w, "Exchange", *who)
	}
	if !w.can(sdk.CanIdentify) {
		if who == nil {
			t.Error("neither Exchange nor Identify says whose account this is")
		}
		return
	}
	first, err := try(w, "Identify", w.Identify, w.identifyRequest(&resp.Tokens))
	if sdk.CodeOf(err) == sdk.CodeUnsupported && who != nil {
		return
	}
	if err != nil {
		t.Fatalf("Identify: %v", err)
	}
	checkAccount(t, w, "Identify", first.Account)
	again := want(w, "Identify", w.Identify, w.identifyRequest(&resp.Tokens))
	if identity(&first.Account) != identity(&again.Account) {
		t.Errorf("Identify says %q, then %q", identity(&first.Account), identity(&again.Account))
	}
	if who != nil && identity(who) != identity(&first.Account) {
		t.Errorf("Exchange says %q, Identify %q", identity(who), identity(&first.Account))
	}
}

// identity is what makes an account the same.
func identity(a *sdk.Account) [3]string { return [3]string{a.Issuer, a.Subject, a.Tenant} }

// maxToken is the size of a token that a host takes, in bytes.
const maxToken = 64 << 10

// named are the values of the named tokens.
func named(s *sdk.TokenSet) (out []secret.Value) {
	for _, n := range s.Named {
		out = append(out, n.AccessToken, n.RefreshToken)
	}
	return out
}

func checkTokens(t *T, w *world, name string, s *sdk.TokenSet) {
	t.Helper()
	if s.AccessToken.IsZero() {
		t.Errorf("%s gives no access token", name)
	}
	for _, v := range append([]secret.Value{s.AccessToken, s.RefreshToken, s.IDToken}, named(s)...) {
		if raw := v.Reveal(); len(raw) > maxToken || strings.ContainsFunc(raw, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
			t.Errorf("%s gives a token that is larger than %d KiB or holds what no header can carry: a host refuses it", name, maxToken>>10)
		}
	}
	if s.TokenType == "" {
		t.Errorf("%s leaves the token type out: it is Bearer unless the provider says otherwise", name)
	}
	checkExpiry(t, name, s.ExpiresIn > 0, s.ExpiresIn < 0 || s.RefreshExpiresIn < 0, s.ExpirySource)
	for what, n := range s.Named {
		if n.AccessToken.IsZero() {
			t.Errorf("%s gives a token %q without a value", name, what)
		}
		checkExpiry(t, name+" "+what, n.ExpiresIn > 0, n.ExpiresIn < 0, n.ExpirySource)
	}
	for k, v := range s.Metadata {
		if w.exposed(v) {
			t.Errorf("%s puts a secret into the metadata as %q", name, k)
		}
	}
	for _, scope := range s.Scopes {
		if scope == "" {
			t.Errorf("%s gives an empty scope", name)
		}
	}
}

func checkExpiry(t *T, name string, lives, negative bool, source sdk.ExpirySource) {
	t.Helper()
	switch known := source != sdk.ExpiryUnknown && source != sdk.ExpiryNever; {
	case negative:
		t.Errorf("%s gives a negative life", name)
	case lives && !known:
		t.Errorf("%s gives a life of which it says %q", name, source)
	case !lives && known:
		t.Errorf("%s gives no life, but says it is %q", name, source)
	}
}

func checkAccount(t *T, w *world, name string, a sdk.Account) {
	t.Helper()
	if a.Subject == "" || a.Issuer == "" {
		t.Errorf("%s names the account by issuer %q and subject %q: neither may be empty", name, a.Issuer, a.Subject)
	}
	if a.Email != "" && a.Subject == a.Email {
		t.Errorf("%s takes the e-mail address for the subject, which is not immutable", name)
	}
	for _, s := range []string{a.Issuer, a.Subject, a.Tenant, a.Login, a.Name, a.Email} {
		if w.exposed(s) {
			t.Errorf("%s puts a secret into the account", name)
		}
	}
}

// maxPicture is how long the URL of a picture may be, in bytes.
const maxPicture = 2048

// checkPicture: a host takes a picture only from where the provider said before
// that pictures are, and asks for it without credentials.
func checkPicture(t *T, w *world) {
	resp := w.connected()
	who := resp.Account
	if who == nil && w.can(sdk.CanIdentify) {
		who = &want(w, "Identify", w.Identify, w.identifyRequest(&resp.Tokens)).Account
	}
	if who == nil || who.Picture == "" {
		t.Skip("it tells no picture")
	}
	u, err := url.Parse(who.Picture)
	if err != nil || u.Host == "" || u.User != nil || len(who.Picture) > maxPicture {
		t.Fatalf("the picture %q is no absolute URL of at most %d bytes", cut(who.Picture), maxPicture)
	}
	host := hostPort(u)
	if u.Scheme != "https" && !w.gate.inClear(host) {
		t.Errorf("the picture's URL is %s, not https", u.Scheme)
	}
	if !w.allows(host) && !slices.ContainsFunc(w.d.PictureHosts, func(h string) bool { return covers(h, host) }) {
		t.Errorf("the picture is at %s, which the descriptor does not name: see PictureHosts", host)
	}
	if w.exposed(who.Picture) {
		t.Error("the picture's URL holds a secret")
	}
}

// covers reports whether one of PictureHosts stands for host.
func covers(pattern, host string) bool {
	below, wild := strings.CutPrefix(pattern, "*")
	return pattern == host || wild && strings.HasSuffix(host, below)
}

func checkRefresh(t *T, w *world) {
	tokens := w.connected().Tokens
	if !w.can(sdk.CanRefresh) || tokens.RefreshToken.IsZero() {
		if w.d.Rotation == sdk.RotationSingle || w.d.Rotation == sdk.RotationSoft {
			t.Errorf("refresh tokens rotate by %q, but there is none", w.d.Rotation)
		}
		t.Skip("there is no refresh token")
	}
	before := tokens.RefreshToken
	resp := want(w, "Refresh", w.Refresh, w.refreshRequest(before))
	w.hideTokens(&resp.Tokens)
	checkTokens(t, w, "Refresh", &resp.Tokens)
	next := before
	switch after := resp.Tokens.RefreshToken; resp.RefreshToken {
	case sdk.RefreshKept:
		if !after.IsZero() {
			t.Error("Refresh says that the refresh token was kept, and gives one")
		}
	case sdk.RefreshRotated:
		if after.IsZero() || after.Equal(before) {
			t.Error("Refresh says that the refresh token was rotated, and gives none or the same")
		}
		next = after
	case sdk.RefreshNone:
		if !after.IsZero() {
			t.Error("Refresh says that there is no refresh token, and gives one")
		}
		return
	default:
		t.Fatalf("Refresh says of the refresh token %q", resp.RefreshToken)
	}
	if rotated := resp.RefreshToken == sdk.RefreshRotated; w.d.Rotation == sdk.RotationNone && rotated || w.d.Rotation == sdk.RotationSingle && !rotated {
		t.Errorf("the descriptor says that refresh tokens rotate by %q, Refresh that it was %q", w.d.Rotation, resp.RefreshToken)
	}
	again := want(w, "Refresh", w.Refresh, w.refreshRequest(next))
	w.hideTokens(&again.Tokens)
	if w.can(sdk.CanIdentify) {
		if _, err := try(w, "Identify", w.Identify, w.identifyRequest(&again.Tokens)); err != nil && sdk.CodeOf(err) != sdk.CodeUnsupported {
			t.Errorf("the refreshed token is not accepted: %v", err)
		}
	}
}

// permanent are the codes of what trying again does not mend.
var permanent = []sdk.Code{sdk.CodeReauthorizationRequired, sdk.CodeUserDenied, sdk.CodeMisconfigured}

func checkRefusals(t *T, w *world) {
	exchange := w.consent(w.newFlow())
	exchange.Code = secret.New("not-a-code-of-this-provider")
	w.hide(exchange.Code)
	_, err := try(w, "Exchange", w.Exchange, exchange)
	typed(t, "Exchange of a wrong code", err, permanent...)

	if w.cfg.ClientSecret != "" {
		exchange = w.consent(w.newFlow())
		exchange.ClientSecret = secret.New("not-the-secret-of-this-client")
		w.hide(exchange.ClientSecret)
		_, err = try(w, "Exchange", w.Exchange, exchange)
		typed(t, "Exchange with a wrong client secret", err, sdk.CodeMisconfigured, sdk.CodeReauthorizationRequired)
	}
	if w.can(sdk.CanRefresh) {
		wrong := secret.New("not-a-refresh-token-of-this-provider")
		w.hide(wrong)
		_, err = try(w, "Refresh", w.Refresh, w.refreshRequest(wrong))
		typed(t, "Refresh of a wrong token", err, append(permanent, sdk.CodeUnsupported)...)
	}
	if w.can(sdk.CanIdentify) {
		wrong := sdk.TokenSet{AccessToken: secret.New("not-an-access-token-of-this-provider")}
		w.hideTokens(&wrong)
		_, err = try(w, "Identify", w.Identify, w.identifyRequest(&wrong))
		typed(t, "Identify with a wrong token", err, append(permanent, sdk.CodeUnsupported)...)
	}
}

func checkRevoke(t *T, w *world) {
	if !w.can(sdk.CanRevoke) {
		t.Skip("it does not revoke")
	}
	revoke := func(token secret.Value, kind sdk.TokenKind, reach sdk.Reach) (*sdk.RevokeResponse, error) {
		return try(w, "Revoke", w.Revoke, &sdk.RevokeRequest{
			Target: w.target, ClientSecret: w.clientSecret(), Token: token, Kind: kind, Reach: reach,
		})
	}
	if w.d.Revoke == "" || w.d.Revoke == sdk.ReachNone {
		_, err := revoke(w.connected().Tokens.AccessToken, sdk.AccessToken, sdk.ReachToken)
		typed(t, "Revoke where the descriptor says none", err, sdk.CodeUnsupported)
		return
	}
	tokens := w.connected().Tokens
	token, kind := tokens.AccessToken, sdk.AccessToken
	resp, err := revoke(token, kind, w.d.Revoke)
	if sdk.CodeOf(err) == sdk.CodeUnsupported && !tokens.RefreshToken.IsZero() {
		token, kind = tokens.RefreshToken, sdk.RefreshToken
		resp, err = revoke(token, kind, w.d.Revoke)
	}
	if err != nil {
		t.Fatalf("Revoke with the descriptor's reach %q: %v", w.d.Revoke, err)
	}
	if resp.Revoked != w.d.Revoke {
		t.Errorf("Revoke was asked for %q and did %q", w.d.Revoke, resp.Revoked)
	}
	if kind == sdk.AccessToken && w.can(sdk.CanIdentify) {
		// An account that is read from the id_token shows the token to nobody.
		asked := w.gate.watch()
		_, err := try(w, "Identify", w.Identify, w.identifyRequest(&tokens))
		if err == nil && strings.Contains(asked(), token.Reveal()) {
			t.Error("the token works after it was revoked")
		}
	}
	if _, err := revoke(token, kind, w.d.Revoke); err != nil {
		t.Errorf("Revoke of a token that is gone already: %v", err)
	}
	if w.d.Revoke == sdk.ReachGrant {
		other := w.connected().Tokens
		if resp, err := revoke(other.AccessToken, sdk.AccessToken, sdk.ReachToken); err == nil && resp.Revoked == sdk.ReachGrant {
			t.Error("Revoke was asked for the token only and withdrew the grant")
		}
	}
}
