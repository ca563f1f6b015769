// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/oauth"
)

// definitionOf is a custom provider in the form of a declared one (package
// sdk/oauth), with what was set and nothing else. The custom provider was
// checked.
func definitionOf(p *hub.Custom) []byte {
	d := map[string]any{
		"slug": p.Slug, "name": p.Name, "categories": []string{"custom"}, "allowed_hosts": hostsOf(p),
		"setup_steps": []string{
			"Register an OAuth app, or client, at " + p.Name + ", for the authorization code flow.",
			"Enter the redirect URI that is shown here.",
			"Copy the client id, and the client secret where there is one.",
		},
	}
	put(d, map[string]string{
		"description": p.Description, "issuer": p.Issuer, "authorize_url": p.AuthorizeURL, "token_url": p.TokenURL,
		"scope_separator": p.ScopeSeparator, "client_auth": p.ClientAuth,
	})
	if p.SecretRequired {
		d["secret_required"] = true
	}
	if p.NoPKCE {
		d["pkce"] = "never"
	}
	switch p.RedirectHost {
	case "":
	case hub.RedirectHTTPS:
		d["redirect"] = map[string]any{"host": p.RedirectHost, "paste": true}
	default:
		d["redirect"] = map[string]any{"host": p.RedirectHost}
	}
	if len(p.AuthorizeParams) > 0 {
		d["authorize_params"] = p.AuthorizeParams
	}
	if len(p.TokenParams) > 0 {
		d["token_params"] = p.TokenParams
	}
	var scopes []map[string]any
	for _, s := range p.Scopes {
		scopes = append(scopes, map[string]any{"name": s.Name, "title": cmp.Or(s.Title, s.Name), "default": true})
	}
	if scopes != nil {
		d["scopes"] = scopes
	}
	if id := p.Identity; id.URL != "" {
		identity := map[string]any{}
		put(identity, map[string]string{"url": id.URL, "subject": id.Subject, "login": id.Login, "name": id.Name, "email": id.Email, "picture": id.Picture})
		d["identity"] = identity
	}
	if len(p.PictureHosts) > 0 {
		d["picture_hosts"] = pictureHostsOf(p)
	}
	if p.RevokeURL != "" || p.Issuer != "" {
		revocation := map[string]any{}
		put(revocation, map[string]string{"url": p.RevokeURL})
		d["revoke"], d["revocation"] = hub.ReachToken, revocation
	} else {
		d["revoke_note"] = "No address to withdraw tokens at is known; end the access in the settings of your account."
	}
	b, err := json.Marshal(d)
	if err != nil {
		panic(err) // texts and lists of texts only
	}
	return b
}

// put adds the texts that are set.
func put(fields map[string]any, texts map[string]string) {
	for name, text := range texts {
		if text != "" {
			fields[name] = text
		}
	}
}

// hostsOf are the host:port of every address, and the further ones.
func hostsOf(p *hub.Custom) []string {
	out := slices.Clone(p.Hosts)
	for _, raw := range []string{p.Issuer, p.AuthorizeURL, p.TokenURL, p.RevokeURL, p.Identity.URL} {
		u, err := url.Parse(raw)
		if raw == "" || err != nil {
			continue
		}
		out = append(out, hub.HostPort(u))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// pictureHostsOf are those of the pictures as host:port.
func pictureHostsOf(p *hub.Custom) []string {
	var out []string
	for _, h := range p.PictureHosts {
		h = strings.ToLower(h)
		if !strings.Contains(h, ":") {
			h += ":443"
		}
		out = append(out, h)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func invalidCustom(field, format string, args ...any) *hub.Error {
	e := hub.Errorf(hub.CodeInvalid, format, args...)
	e.Field = field
	return e
}

var (
	customSlug = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	// scopeName is scope-token of RFC 6749 section 3.3.
	scopeName = regexp.MustCompile(`^[\x21\x23-\x5b\x5d-\x7e]{1,200}$`)
	// answerPath is a path as package sdk/oauth reads it.
	answerPath = regexp.MustCompile(`^[A-Za-z0-9_|:/-]+(\.[A-Za-z0-9_|:/-]+)*$`)
	// pictureHost is a host's name, or all names below one of at least two parts.
	pictureHost = regexp.MustCompile(`^(?i:[a-z0-9-]+(\.[a-z0-9-]+)*|\*(\.[a-z0-9-]+){2,})(:[1-9][0-9]{0,4})?$`)
	paramName   = regexp.MustCompile(`^[A-Za-z0-9_.~:-]{1,100}$`)
)

// theHubs are the parameters that the hub sets itself.
var theHubs = []string{
	"client_id", "client_secret", "redirect_uri", "response_type", "state", "nonce", "scope", "code", "code_verifier",
	"code_challenge", "code_challenge_method", "grant_type", "request", "request_uri",
}

// checkCustom finds what is wrong, the first thing first, as CodeInvalid with
// its field.
func checkCustom(p *hub.Custom) error {
	if err := checkRequests(p); err != nil {
		return err
	}
	if p.Issuer != "" && p.Identity.URL == "" && !slices.ContainsFunc(p.Scopes, func(s hub.CustomScope) bool { return s.Name == "openid" }) {
		return invalidCustom("scopes", "the scope openid is missing: without it an issuer says nothing of the account")
	}
	if err := checkCustomIdentity(p); err != nil {
		return err
	}
	for _, h := range p.PictureHosts {
		if !pictureHost.MatchString(h) {
			return invalidCustom("picture_hosts", "%q is no host; write it like images.example.com or *.example.com", h)
		}
	}
	// The plugin reads the very same; what is left is said in its words.
	if _, err := oauth.ParseDefinition(definitionOf(p)); err != nil {
		return invalidCustom("", "%s", strings.ReplaceAll(err.Error(), "provider "+p.Slug+": ", ""))
	}
	return nil
}

// checkRequests is the part that requests depend on.
func checkRequests(p *hub.Custom) error {
	switch {
	case !customSlug.MatchString(p.Slug):
		return invalidCustom("slug", "%q is no short name: lower-case letters, digits and hyphens, at most 63", p.Slug)
	case strings.TrimSpace(p.Name) == "":
		return invalidCustom("name", "the name is missing")
	case strings.ContainsFunc(p.Name, unicode.IsControl):
		return invalidCustom("name", "the name holds a control character")
	case p.Issuer == "" && p.AuthorizeURL == "":
		return invalidCustom("authorize_url", "the authorization URL is missing; the provider's documentation for OAuth has it")
	case p.Issuer == "" && p.TokenURL == "":
		return invalidCustom("token_url", "the token URL is missing; the provider's documentation for OAuth has it")
	}
	for _, a := range []struct{ field, what, address string }{
		{"issuer", "issuer", p.Issuer}, {"authorize_url", "authorization URL", p.AuthorizeURL}, {"token_url", "token URL", p.TokenURL},
		{"revoke_url", "revocation URL", p.RevokeURL}, {"identity.url", "identity URL", p.Identity.URL},
	} {
		if err := checkAddress(a.field, a.what, a.address, p.PrivateNetwork); err != nil {
			return err
		}
	}
	for field, params := range map[string]map[string]string{"authorize_params": p.AuthorizeParams, "token_params": p.TokenParams} {
		for name, value := range params {
			switch {
			case !paramName.MatchString(name):
				return invalidCustom(field, "%q is no name of a parameter", name)
			case slices.Contains(theHubs, name):
				return invalidCustom(field, "%s is set by Standpipe itself; leave it out", name)
			case strings.ContainsAny(value, "{}") || !printable(value):
				return invalidCustom(field, "the value of %s holds braces, or characters beyond ASCII", name)
			}
		}
	}
	seen := map[string]bool{}
	for _, s := range p.Scopes {
		switch {
		case !scopeName.MatchString(s.Name):
			return invalidCustom("scopes", "%q is no name of a scope", s.Name)
		case seen[s.Name]:
			return invalidCustom("scopes", "the scope %s is there twice", s.Name)
		}
		seen[s.Name] = true
	}
	return nil
}

func checkCustomIdentity(p *hub.Custom) error {
	id := p.Identity
	if id.URL == "" {
		switch {
		case p.Issuer == "":
			return invalidCustom("identity.url", "the identity URL is missing: without it, two accounts cannot be told apart")
		case id != (hub.CustomIdentity{}):
			return invalidCustom("identity.url", "the fields of the account are read from an identity URL, and none is given")
		}
		return nil
	}
	if id.Subject == "" {
		return invalidCustom("identity.subject", "say which field of the answer holds the account's id, such as id, sub or data.id; not its e-mail address, which may change")
	}
	for field, path := range map[string]string{"subject": id.Subject, "login": id.Login, "name": id.Name, "email": id.Email, "picture": id.Picture} {
		if path != "" && !answerPath.MatchString(path) {
			return invalidCustom("identity."+field, "%q is no path in a JSON answer; write it like user.id or data.0.id", path)
		}
	}
	return nil
}

// checkAddress wants an absolute URL to a host that is named; https unless it is
// in a private network.
func checkAddress(field, what, raw string, private bool) error {
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "" || len(raw) > 2000 || !printable(raw) || strings.ContainsAny(raw, " {}"):
		return invalidCustom(field, "the %s is no URL; it begins with https://", what)
	case u.User != nil || u.Fragment != "":
		return invalidCustom(field, "the %s holds a user name or a fragment (#…)", what)
	case u.Scheme == "http" && !private:
		return invalidCustom(field, "the %s is not https: what is sent there could be read on the way", what)
	case u.Scheme != "https" && u.Scheme != "http":
		return invalidCustom(field, "the %s begins with neither https:// nor http://", what)
	}
	return nil
}
