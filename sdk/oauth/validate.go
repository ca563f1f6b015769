// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/standpipe/standpipe/sdk"
)

var slugPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Validate reports everything that is wrong with the table, joined. Plugins
// call it in a test; ParseDefinition calls it always.
func (s *Standard) Validate() error {
	v := &validation{name: s.Descriptor.Slug, known: map[string]bool{"client_id": true, "redirect_uri": true}}
	if !slugPattern.MatchString(s.Descriptor.Slug) {
		v.add("slug %q: lower-case letters, digits and hyphens", s.Descriptor.Slug)
	}
	if s.Descriptor.Name == "" {
		v.add("name is missing")
	}
	for _, f := range s.Descriptor.Config {
		v.known[f.Key] = true
		if _, err := regexp.Compile(f.Pattern); err != nil {
			v.add("config %s: pattern: %v", f.Key, err)
		}
	}
	s.validateEnums(v)
	s.validateEndpoints(v)
	s.validateErrors(v)
	s.validateIdentity(v)
	s.validateRevocation(v)
	return errors.Join(v.problems...)
}

type validation struct {
	name     string
	known    map[string]bool // template keys
	problems []error
}

func (v *validation) add(format string, args ...any) {
	v.problems = append(v.problems, fmt.Errorf("provider %s: %s", v.name, fmt.Sprintf(format, args...)))
}

func (v *validation) template(field, tmpl string) {
	for _, k := range keys(tmpl) {
		if !v.known[k] {
			v.add("%s uses {%s}, which is no config field", field, k)
		}
	}
}

func (v *validation) templates(field string, m map[string]string) {
	for k, tmpl := range m {
		v.template(field+"."+k, tmpl)
	}
}

func (v *validation) url(field, tmpl string) {
	if tmpl == "" {
		return
	}
	v.template(field, tmpl)
	if strings.HasPrefix(tmpl, "{") {
		return
	}
	u, err := url.Parse(placeholder.ReplaceAllString(tmpl, "x"))
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || (u.Scheme != "https" && u.Scheme != "http") {
		v.add("%s %q is no http or https URL", field, tmpl)
	}
}

func oneOf[T ~string](v *validation, field string, value T, known ...T) {
	if !slices.Contains(known, value) {
		v.add("%s %q: one of %q", field, value, known)
	}
}

func (s *Standard) validateEnums(v *validation) {
	d := &s.Descriptor
	oneOf(v, "pkce", d.PKCE, sdk.PKCESend, sdk.PKCENever)
	oneOf(v, "redirect.host", d.Redirect.Host, sdk.RedirectLoopback, sdk.RedirectLocalhost, sdk.RedirectHTTPS)
	oneOf(v, "rotation", d.Rotation, sdk.RotationUnknown, sdk.RotationNone, sdk.RotationSoft, sdk.RotationSingle)
	oneOf(v, "revoke", d.Revoke, "", sdk.ReachNone, sdk.ReachToken, sdk.ReachGrant)
	for _, f := range d.Config {
		oneOf(v, "config "+f.Key+": kind", f.Kind, sdk.FieldText, sdk.FieldURL)
		oneOf(v, "config "+f.Key+": level", f.Level, sdk.LevelIntegration, sdk.LevelInstallation)
	}
	oneOf(v, "client_auth", s.ClientAuth, "", AuthBody, AuthBasic, AuthNone)
	oneOf(v, "refresh_auth", s.RefreshAuth, "", AuthBody, AuthBasic, AuthNone)
	oneOf(v, "device_auth", s.DeviceAuth, "", AuthBody, AuthBasic, AuthNone)
	oneOf(v, "token_format", s.TokenFormat, "", FormatForm, FormatJSON)
}

func (s *Standard) validateEndpoints(v *validation) {
	if s.Issuer == "" && (s.AuthorizeURL == "" || s.TokenURL == "") {
		v.add("authorize_url and token_url are needed, or issuer")
	}
	v.url("issuer", s.Issuer)
	v.url("authorize_url", s.AuthorizeURL)
	v.url("token_url", s.TokenURL)
	v.url("refresh_url", s.RefreshURL)
	v.url("device_url", s.DeviceURL)
	if s.Introspection != nil {
		v.url("introspection.url", s.Introspection.URL)
		oneOf(v, "introspection.auth", s.Introspection.Auth, "", AuthBody, AuthBasic, AuthNone)
		if s.Introspection.URL == "" {
			v.add("introspection.url is missing")
		}
	}
	v.templates("headers", s.Headers)
	for field, params := range map[string]map[string]string{
		"authorize_params": s.AuthorizeParams, "reconnect_params": s.ReconnectParams, "select_account_params": s.SelectAccountParams,
		"offline_params": s.OfflineParams,
	} {
		v.templates(field, params)
		for _, reserved := range []string{"client_id", "redirect_uri", "state", "nonce", "code_challenge", "code_challenge_method"} {
			if _, ok := params[reserved]; ok {
				v.add("%s sets %s, which belongs to the host", field, reserved)
			}
		}
	}
	v.templates("token_params", s.TokenParams)
	v.templates("refresh_params", s.RefreshParams)
}

func (s *Standard) validateErrors(v *validation) {
	for i, r := range s.Errors {
		field := fmt.Sprintf("errors[%d]", i)
		if r.Status == 0 && r.Code == "" && r.Detail == "" && r.Text == "" {
			v.add("%s matches everything: give it a status, code, detail or text", field)
		}
		if r.Detail != "" && s.Answer.ErrorDetail == "" {
			v.add("%s has a detail, but answer.error_detail does not say where details are", field)
		}
		for _, leg := range r.On {
			oneOf(v, field+".on", leg, LegExchange, LegRefresh, LegIdentify, LegRevoke, LegDiscovery, LegDevice, LegIntrospect, LegPush)
		}
		oneOf(v, field+".as", r.As, sdk.CodeReauthorizationRequired, sdk.CodeUserDenied, sdk.CodeMisconfigured,
			sdk.CodeTemporary, sdk.CodeRateLimited, sdk.CodeSlowDown, sdk.CodeUnsupported, sdk.CodePluginBug)
		oneOf(v, field+".reason", r.Reason, "", sdk.ReasonRevoked, sdk.ReasonRefreshExpired, sdk.ReasonRefreshMissing,
			sdk.ReasonScopeMissing, sdk.ReasonClientInvalid, sdk.ReasonPolicy, sdk.ReasonProviderUninstalled, sdk.ReasonUnknown)
		if r.As == sdk.CodeReauthorizationRequired && r.Reason == "" {
			v.add("%s: reauthorization_required needs a reason", field)
		}
	}
}

func (s *Standard) validateIdentity(v *validation) {
	id := s.Identity
	if id == nil {
		return
	}
	oneOf(v, "identity.from", id.From, FromRequest, FromToken, FromIDToken)
	oneOf(v, "identity.method", id.Method, "", "GET", "POST")
	v.url("identity.url", id.URL)
	v.url("identity.issuer", id.Issuer)
	v.templates("identity.headers", id.Headers)
	v.picture(id.Picture)
	if id.Body != "" && !json.Valid([]byte(id.Body)) {
		v.add("identity.body is no JSON")
	}
	if id.From == FromRequest && id.URL == "" && s.Issuer == "" {
		v.add("identity.url is missing")
	}
	if id.From == FromIDToken && s.Issuer == "" {
		v.add("identity.from id_token needs an issuer")
	}
	if id.Subject == "" && s.Issuer == "" {
		v.add("identity.subject is missing")
	}
}

func (s *Standard) validateRevocation(v *validation) {
	r := s.Revocation
	reach := s.Descriptor.Revoke
	if r == nil {
		if reach != "" && reach != sdk.ReachNone {
			v.add("revoke is %q, but there is no revocation", reach)
		}
		return
	}
	if reach != sdk.ReachToken && reach != sdk.ReachGrant {
		v.add("revocation is given, so revoke must be token or grant")
	}
	v.known["token"] = true
	v.templates("revocation.params", r.Params)
	delete(v.known, "token")
	v.url("revocation.url", r.URL)
	v.url("revocation.grant_url", r.GrantURL)
	if r.URL == "" && s.Issuer == "" {
		v.add("revocation.url is missing")
	}
	oneOf(v, "revocation.method", r.Method, "", "POST", "DELETE")
	oneOf(v, "revocation.auth", r.Auth, "", AuthBody, AuthBasic, AuthNone)
	oneOf(v, "revocation.format", r.Format, "", FormatForm, FormatJSON)
	oneOf(v, "revocation.reach", r.Reach, "", sdk.ReachToken, sdk.ReachGrant)
	for _, k := range r.Kinds {
		oneOf(v, "revocation.kinds", k, sdk.AccessToken, sdk.RefreshToken)
	}
}
