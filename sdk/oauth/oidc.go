// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"context"
	"encoding/json"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

const discoveryTimeout = 10 * time.Second

// endpoints are where the calls of one request go.
type endpoints struct {
	issuer                                      string
	issRequired                                 bool
	authorize, token, refresh, revoke, userinfo string
	device, pushed                              string
	auth                                        ClientAuth // empty: not said
	jwks                                        string
	algs                                        []string
}

// endpoints fills the templates, and asks the issuer for what is not given.
func (s *Standard) endpoints(ctx context.Context, v vars) (*endpoints, error) {
	return s.fill(ctx, v, s.discover)
}

// fill is endpoints with a way to learn what the issuer says.
func (s *Standard) fill(ctx context.Context, v vars, discover func(context.Context, string) (*endpoints, error)) (*endpoints, error) {
	ends := &endpoints{}
	if s.Issuer != "" {
		issuer, err := v.issuer(s.Issuer)
		if err != nil {
			return nil, err
		}
		if ends, err = discover(ctx, issuer); err != nil {
			return nil, err
		}
	}
	for _, e := range []struct {
		to   *string
		tmpl string
	}{{&ends.authorize, s.AuthorizeURL}, {&ends.token, s.TokenURL}, {&ends.refresh, or(s.RefreshURL, s.TokenURL)}} {
		if e.tmpl == "" {
			continue
		}
		var err error
		if *e.to, err = v.url(e.tmpl); err != nil {
			return nil, err
		}
	}
	if ends.refresh == "" {
		ends.refresh = ends.token
	}
	if ends.authorize == "" || ends.token == "" {
		return nil, sdk.Misconfigured("issuer", s.Descriptor.Name+" names no authorization or token endpoint")
	}
	return ends, nil
}

// discover reads the issuer's metadata (OpenID Connect Discovery section 4,
// RFC 8414). The issuer in it must be the very same text, and no endpoint may
// be less protected than the issuer.
func (s *Standard) discover(ctx context.Context, issuer string) (*endpoints, error) {
	if err := protected(issuer); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, discoveryTimeout)
	defer cancel()
	c := &call{leg: LegDiscovery, method: "GET", url: strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"}
	a, err := c.do(ctx, s.Descriptor.Name)
	if err != nil {
		return nil, err
	}
	if e := s.judge(c, a, errorPaths{code: "error"}, true); e != nil {
		return nil, e
	}
	if a.doc.str("issuer") != issuer {
		return nil, sdk.Misconfigured("issuer", s.Descriptor.Name+"'s metadata is of another issuer than the one that is set")
	}
	ends := &endpoints{
		issuer: issuer, issRequired: a.doc.text("authorization_response_iss_parameter_supported") == "true",
		authorize: a.doc.str("authorization_endpoint"), token: a.doc.str("token_endpoint"),
		revoke: a.doc.str("revocation_endpoint"), userinfo: a.doc.str("userinfo_endpoint"), jwks: a.doc.str("jwks_uri"),
		device: a.doc.str("device_authorization_endpoint"), pushed: a.doc.str("pushed_authorization_request_endpoint"),
		auth: offeredAuth(a.doc),
	}
	ends.algs = append(ends.algs, signingAlgs(a.doc)...)
	for _, e := range []string{ends.authorize, ends.token, ends.revoke, ends.userinfo, ends.jwks, ends.device, ends.pushed} {
		if e == "" {
			continue
		}
		if err := protected(e); err != nil {
			return nil, err
		}
		if strings.HasPrefix(issuer, "https:") && !strings.HasPrefix(e, "https:") {
			return nil, sdk.Misconfigured("issuer", s.Descriptor.Name+"'s metadata names an endpoint without TLS")
		}
	}
	told.remember(issuer, *ends)
	return ends, nil
}

// protected demands https, except on this machine.
func protected(raw string) error {
	u, err := url.Parse(raw)
	if err == nil && u.Host != "" && u.User == nil && u.Fragment == "" {
		ip, _ := netip.ParseAddr(u.Hostname())
		if u.Scheme == "https" || u.Scheme == "http" && (ip.IsLoopback() || u.Hostname() == "localhost") {
			return nil
		}
	}
	return sdk.Misconfigured("issuer", "the issuer and its endpoints must be https URLs")
}

// signingAlgs are the asymmetric algorithms that the issuer signs with.
// "none" and those keyed by the client secret are never accepted.
func signingAlgs(d document) []string {
	known := []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}
	var out []string
	list, _ := d["id_token_signing_alg_values_supported"].([]any)
	for _, v := range list {
		if alg, ok := v.(string); ok && slices.Contains(known, alg) {
			out = append(out, alg)
		}
	}
	if out == nil {
		out = []string{oidc.RS256} // OpenID Connect Core section 15.1
	}
	return out
}

// offeredAuth is the way of client authentication that an issuer offers: the
// body where it is taken, since that needs no encoding that some get wrong. An
// issuer that lists none takes the header (OpenID Connect Discovery section 3).
func offeredAuth(d document) ClientAuth {
	list, ok := d["token_endpoint_auth_methods_supported"].([]any)
	switch {
	case !ok || slices.Contains(list, any("client_secret_basic")) && !slices.Contains(list, any("client_secret_post")):
		return AuthBasic
	default:
		return AuthBody
	}
}

// clientAuth is how the client shows who it is: as the table says, else as its
// setting does, else as the issuer offers. ends is nil where nothing was
// discovered.
func (s *Standard) clientAuth(v vars, ends *endpoints) ClientAuth {
	switch set := ClientAuth(v["client_auth"]); {
	case s.ClientAuth != "":
		return s.ClientAuth
	case s.Issuer != "" && (set == AuthBody || set == AuthBasic || set == AuthNone):
		return set
	case ends != nil:
		return or2(ends.auth, AuthBody)
	default:
		return AuthBody
	}
}

// expectation is what an id_token has to meet beside its signature.
type expectation struct {
	nonce    string
	anyNonce bool
	anyAge   bool
}

// The expectations: of a fresh login, of a refresh, and of a token that was
// verified before and may have expired since.
var (
	anyNonce = expectation{anyNonce: true}
	anyAge   = expectation{anyNonce: true, anyAge: true}
)

func expectNonce(nonce string) expectation { return expectation{nonce: nonce} }

// verifyIDToken checks issuer, audience, authorized party, times, signature,
// nonce and access token hash (OpenID Connect Core section 3.1.3.7).
func (s *Standard) verifyIDToken(ctx context.Context, ends *endpoints, clientID string, t *sdk.TokenSet, want expectation) (document, error) {
	if ends.jwks == "" {
		return nil, sdk.Misconfigured("issuer", s.Descriptor.Name+" publishes no keys to check its ID tokens with")
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, Client(ctx)), callTimeout)
	defer cancel()
	keys := &keySet{KeySet: oidc.NewRemoteKeySet(ctx, ends.jwks)}
	verifier := oidc.NewVerifier(ends.issuer, keys, &oidc.Config{
		ClientID: clientID, SupportedSigningAlgs: ends.algs, SkipExpiryCheck: want.anyAge,
	})
	refuse := func(why string) (document, error) {
		return nil, sdk.Misconfigured("issuer", cut("the ID token of "+s.Descriptor.Name+" is not accepted: "+why))
	}
	token, err := verifier.Verify(ctx, t.IDToken.Reveal())
	switch {
	case keys.unavailable:
		return nil, sdk.Temporary("the keys of " + s.Descriptor.Name + " cannot be read")
	case err != nil:
		return refuse(clean(err.Error(), []secret.Value{t.IDToken, t.AccessToken, t.RefreshToken}))
	case token.Subject == "":
		return refuse("it names no subject")
	case token.IssuedAt.Unix() <= 0:
		return refuse("it does not say when it was issued")
	case !want.anyNonce && token.Nonce != want.nonce:
		return refuse("its nonce is not the one that was sent")
	}
	var raw json.RawMessage
	if err := token.Claims(&raw); err != nil {
		return refuse("its claims cannot be read")
	}
	claims, err := parseJSON(raw)
	if err != nil {
		return refuse("its claims cannot be read")
	}
	if azp := claims.text("azp"); azp != "" && azp != clientID || azp == "" && len(token.Audience) > 1 {
		return refuse("it was issued to another client")
	}
	if token.AccessTokenHash != "" && !want.anyAge {
		if err := token.VerifyAccessToken(t.AccessToken.Reveal()); err != nil {
			return refuse("it does not belong to the access token")
		}
	}
	return claims, nil
}

// keySet remembers that the keys could not be fetched, which go-oidc tells
// from a wrong signature only in its text.
type keySet struct {
	oidc.KeySet
	unavailable bool
}

func (k *keySet) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := k.KeySet.VerifySignature(ctx, jwt)
	if err != nil && strings.HasPrefix(err.Error(), "fetching keys") {
		k.unavailable = true
	}
	return payload, err
}
