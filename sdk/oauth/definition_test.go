// SPDX-License-Identifier: Apache-2.0

package oauth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
)

const gitlab = `{
	"slug": "gitlab", "name": "GitLab", "description": "Projects and merge requests.",
	"scopes": [{"name": "read_user", "title": "Read your profile", "default": true}],
	"config": [{"key": "base_url", "label": "Address", "kind": "url", "default": "https://gitlab.com"}],
	"rotation": "single_use", "revoke": "token", "refresh_margin": "90s", "redirect": {"any_port": true},
	"authorize_url": "{base_url}/oauth/authorize", "token_url": "{base_url}/oauth/token",
	"client_auth": "basic", "refresh_params": {"redirect_uri": "{redirect_uri}"},
	"answer": {"default_lifetime": "2h", "metadata": {"created": "created_at"}},
	"errors": [{"on": ["refresh"], "code": "invalid_grant", "as": "reauthorization_required", "reason": "refresh_token_expired"}],
	"identity": {"url": "{base_url}/api/v4/user", "subject": "id", "login": "username"},
	"revocation": {"url": "{base_url}/oauth/revoke"}
}`

func TestParseDefinition(t *testing.T) {
	s, err := oauth.ParseDefinition([]byte(gitlab))
	if err != nil {
		t.Fatal(err)
	}
	d := s.Descriptor
	if d.Slug != "gitlab" || d.RefreshMargin != 90*time.Second || d.Rotation != sdk.RotationSingle || !d.Redirect.AnyPort ||
		len(d.Scopes) != 1 || !d.Scopes[0].Default || d.Config[0].Kind != sdk.FieldURL {
		t.Errorf("descriptor %+v", d)
	}
	if time.Duration(s.Answer.DefaultLifetime) != 2*time.Hour || s.Identity.Login != "username" || s.Errors[0].On[0] != oauth.LegRefresh {
		t.Errorf("standard %+v", s)
	}
}

func TestDeclaredProviderWorks(t *testing.T) {
	srv := start(t, nil)
	s, err := oauth.ParseDefinition([]byte(strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(gitlab,
		"/oauth/", "/"), "/api/v4/user", "/userinfo"), `"id"`, `"sub"`)))
	if err != nil {
		t.Fatal(err)
	}
	first := mustConnect(t, srv, s, "read_user")
	if _, err := refresh(t, srv, s, first.RefreshToken); err != nil {
		t.Fatal(err)
	}
	if got := srv.Requests("token")[1].Params.Get("redirect_uri"); got != redirectURI {
		t.Errorf("refresh sends redirect_uri %q", got)
	}
	_, err = refresh(t, srv, s, first.RefreshToken)
	wantError(t, err, sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRefreshExpired})
}

func TestParseDefinitionRefuses(t *testing.T) {
	for _, tt := range []struct{ name, from, to, want string }{
		{"UnknownField", `"token_url"`, `"token_uri"`, "token_uri"},
		{"UnknownInnerField", `"login":`, `"user_name":`, "user_name"},
		{"UnknownTemplateKey", `{base_url}/oauth/token`, `{host}/oauth/token`, "{host}"},
		{"SecretInATemplate", `"{redirect_uri}"`, `"{token}"`, "{token}"},
		{"UnknownEnum", `"single_use"`, `"sometimes"`, "sometimes"},
		{"BadDuration", `"2h"`, `"two hours"`, "two hours"},
		{"NegativeDuration", `"2h"`, `"-2h"`, "-2h"},
		{"NumberForDuration", `"2h"`, `7200`, "duration"},
		{"NoSlug", `"gitlab", "name"`, `"Git Lab", "name"`, "slug"},
		{"NoURL", `"{base_url}/oauth/authorize"`, `"file:///etc/passwd"`, "authorize_url"},
		{"NoReason", `"reason": "refresh_token_expired"`, `"field": "x"`, "reason"},
		{"RuleForEverything", `"code": "invalid_grant", `, ``, "matches everything"},
		{"NoSubject", `"subject": "id"`, `"name": "id"`, "subject"},
		{"RevokeWithoutRevocation", `"revocation": {"url": "{base_url}/oauth/revoke"}`, `"revocation": null`, "no revocation"},
		{"ReservedParameter", `"client_auth"`, `"authorize_params": {"state": "x"}, "client_auth"`, "state"},
		{"Trailing", `"revocation": {"url": "{base_url}/oauth/revoke"}
}`, `"revocation": {"url": "{base_url}/oauth/revoke"}} {}`, "follows"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(gitlab, tt.from, tt.to, 1)
			if text == gitlab {
				t.Fatal("the test changes nothing")
			}
			_, err := oauth.ParseDefinition([]byte(text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that names %q", err, tt.want)
			}
		})
	}
}

func FuzzParseDefinition(f *testing.F) {
	f.Add([]byte(gitlab))
	f.Add([]byte(`{"slug":"x","name":"X","issuer":"https://x.test"}`))
	f.Add([]byte(`{"slug":"x","config":[{"pattern":"("}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := oauth.ParseDefinition(b)
		if err != nil {
			return
		}
		if err := s.Validate(); err != nil {
			t.Fatalf("accepted, then found invalid: %v", err)
		}
		s.Description()
	})
}
