// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

var issued = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestExpiry(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in     time.Duration
		source sdk.ExpirySource
		want   time.Time
		as     hub.ExpirySource
	}{
		{time.Hour, sdk.ExpiryDeclared, issued.Add(time.Hour), hub.ExpiryDeclared},
		{time.Hour, sdk.ExpiryUnknown, issued.Add(time.Hour), hub.ExpiryDeclared},
		{time.Hour, "invented", issued.Add(time.Hour), hub.ExpiryDeclared},
		{time.Hour, sdk.ExpiryJWT, issued.Add(time.Hour), hub.ExpiryJWT},
		{0, sdk.ExpiryUnknown, time.Time{}, hub.ExpiryUnknown},
		{0, sdk.ExpiryDeclared, time.Time{}, hub.ExpiryUnknown},
		{0, sdk.ExpiryNever, time.Time{}, hub.ExpiryNever},
		{time.Hour, sdk.ExpiryNever, time.Time{}, hub.ExpiryNever},
		{-time.Hour, sdk.ExpiryDeclared, time.Time{}, hub.ExpiryUnknown},
		{1 << 62, sdk.ExpiryDeclared, time.Time{}, hub.ExpiryUnknown},
	} {
		if got, as := expiry(c.in, c.source, issued); !got.Equal(c.want) || as != c.as {
			t.Errorf("expiry(%s, %q) = %s, %q", c.in, c.source, got, as)
		}
	}
}

func TestTokenSetConverts(t *testing.T) {
	t.Parallel()
	got, err := tokenSet(&sdk.TokenSet{
		AccessToken: secret.New("at"), RefreshToken: secret.New("rt"), IDToken: secret.New("id"),
		ExpiresIn: time.Minute, ExpirySource: sdk.ExpiryDeclared, RefreshExpiresIn: time.Hour,
		Scopes:   []string{"a", "", "b c\x00", "d"},
		Named:    map[string]sdk.NamedToken{"user": {AccessToken: secret.New("u"), Scopes: []string{"x"}}},
		Metadata: map[string]string{"instance_url": "https://x.example", "e\x1bvil": "a\nb"},
	}, issued)
	if err != nil {
		t.Fatal(err)
	}
	want := hub.TokenSet{
		AccessToken: secret.New("at"), RefreshToken: secret.New("rt"), IDToken: secret.New("id"), TokenType: "Bearer",
		IssuedAt: issued, Expiry: issued.Add(time.Minute), ExpirySource: hub.ExpiryDeclared, RefreshExpiry: issued.Add(time.Hour),
		Scopes:   []string{"a", "d"},
		Named:    map[string]hub.NamedToken{"user": {AccessToken: secret.New("u"), IssuedAt: issued, Scopes: []string{"x"}}},
		Metadata: map[string]string{"instance_url": "https://x.example", "evil": "a b"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestTokenSetIsBounded(t *testing.T) {
	t.Parallel()
	long := secret.New(strings.Repeat("a", maxToken+1))
	named := map[string]sdk.NamedToken{}
	for i := range maxNamed + 1 {
		named[strings.Repeat("n", i+1)] = sdk.NamedToken{AccessToken: secret.New("x")}
	}
	for name, in := range map[string]sdk.TokenSet{
		"no access token":  {RefreshToken: secret.New("rt")},
		"long":             {AccessToken: long},
		"long refresh":     {AccessToken: secret.New("a"), RefreshToken: long},
		"long id":          {AccessToken: secret.New("a"), IDToken: long},
		"line break":       {AccessToken: secret.New("a\nb")},
		"not ASCII":        {AccessToken: secret.New("ä")},
		"many named":       {AccessToken: secret.New("a"), Named: named},
		"long named":       {AccessToken: secret.New("a"), Named: map[string]sdk.NamedToken{"n": {AccessToken: long}}},
		"empty named":      {AccessToken: secret.New("a"), Named: map[string]sdk.NamedToken{"n": {}}},
		"named nothing":    {AccessToken: secret.New("a"), Named: map[string]sdk.NamedToken{"": {AccessToken: secret.New("a")}}},
		"named with break": {AccessToken: secret.New("a"), Named: map[string]sdk.NamedToken{"a\nb": {AccessToken: secret.New("a")}}},
	} {
		if got, err := tokenSet(&in, issued); err == nil || providerErr(t, err).Class != hub.ProviderBug || !got.AccessToken.IsZero() {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	meta := map[string]string{}
	for i := range 1000 {
		meta[strings.Repeat("k", i+1)] = strings.Repeat("v", 10_000)
	}
	got, err := tokenSet(&sdk.TokenSet{AccessToken: secret.New("a"), Metadata: meta}, issued)
	if err != nil || len(got.Metadata) > maxMetadata || len(got.Metadata["k"]) != maxValue {
		t.Errorf("%d entries of metadata, %v", len(got.Metadata), err)
	}
}

func TestRefreshAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		token   string
		outcome sdk.RefreshOutcome
		want    hub.RefreshOutcome // "": an error
	}{
		{"", sdk.RefreshKept, hub.RefreshKept},
		{"", sdk.RefreshNone, hub.RefreshNone},
		{"new", sdk.RefreshRotated, hub.RefreshRotated},
		{"new", sdk.RefreshKept, hub.RefreshRotated},
		{"new", sdk.RefreshNone, hub.RefreshRotated},
		{"new", "", hub.RefreshRotated},
		{"", sdk.RefreshRotated, ""},
		{"", "", ""},
	} {
		got, err := refreshAnswer(&sdk.RefreshResponse{
			Tokens: sdk.TokenSet{AccessToken: secret.New("a"), RefreshToken: secret.New(c.token)}, RefreshToken: c.outcome,
		}, issued)
		if (err != nil) != (c.want == "") || got.RefreshToken != c.want {
			t.Errorf("refresh token %q, outcome %q: %q, %v", c.token, c.outcome, got.RefreshToken, err)
		}
	}
}

func TestAccount(t *testing.T) {
	t.Parallel()
	if a, err := account(nil); a != nil || err != nil {
		t.Error("no account is no account")
	}
	a, err := account(&sdk.Account{Issuer: "https://i", Subject: "1", Login: "a\x1b[0m", Name: strings.Repeat("n", 500)})
	if err != nil || a.Login != "a[0m" || len(a.Name) != maxLine {
		t.Errorf("account %+v, %v", a, err)
	}
	for picture, want := range map[string]string{
		"https://pictures.example/1.png?s=2": "https://pictures.example/1.png?s=2",
		"javascript:alert(1)":                "", "data:image/svg+xml,<svg/>": "", "//pictures.example/1.png": "", "https://a\x00.example/": "",
		"https://u:p@pictures.example/": "", "https://pictures.example/" + strings.Repeat("a", maxURL): "",
	} {
		if a, err := account(&sdk.Account{Issuer: "https://i", Subject: "1", Picture: picture}); err != nil || a.PictureURL != want {
			t.Errorf("picture %q: %+v, %v", picture, a, err)
		}
	}
	for _, bad := range []sdk.Account{{}, {Subject: " 1"}, {Subject: "1\x00"}, {Subject: "1", Tenant: "t\n"}, {Subject: "1", Issuer: "i\u202e"}, {Subject: strings.Repeat("s", 600)}} {
		if got, err := account(&bad); err == nil {
			t.Errorf("account(%+v) = %+v", bad, got)
		}
	}
}

func TestProviderErrorClasses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   sdk.Error
		want hub.ProviderError
	}{
		{*sdk.ReauthorizationRequired(sdk.ReasonPolicy, "m"), hub.ProviderError{Class: hub.ProviderReauthorize, Reason: hub.ReasonPolicy, Message: "m"}},
		{*sdk.ReauthorizationRequired("invented", "m"), hub.ProviderError{Class: hub.ProviderReauthorize, Reason: hub.ReasonUnknown, Message: "m"}},
		{*sdk.ReauthorizationRequired("account_mismatch", "m"), hub.ProviderError{Class: hub.ProviderReauthorize, Reason: hub.ReasonUnknown, Message: "m"}},
		{*sdk.UserDenied("m"), hub.ProviderError{Class: hub.ProviderDenied, Message: "m"}},
		{*sdk.Misconfigured("client_id", "m"), hub.ProviderError{Class: hub.ProviderMisconfigured, Field: "client_id", Message: "m"}},
		{*sdk.Temporary("m\x1b"), hub.ProviderError{Class: hub.ProviderTemporary, Message: "m"}},
		{sdk.Error{Code: sdk.CodeTemporary, RetryAfter: -1}, hub.ProviderError{Class: hub.ProviderTemporary}},
		{sdk.Error{Code: sdk.CodeRateLimited, RetryAfter: 1000 * time.Hour}, hub.ProviderError{Class: hub.ProviderTemporary, RetryAfter: 24 * time.Hour}},
		{sdk.Error{Code: sdk.CodeRateLimited}, hub.ProviderError{Class: hub.ProviderTemporary, RetryAfter: 30 * time.Second}},
		{sdk.Error{Code: sdk.CodeSlowDown, RetryAfter: time.Second}, hub.ProviderError{Class: hub.ProviderTemporary, SlowDown: true, RetryAfter: time.Second}},
		{*sdk.Unsupported("m"), hub.ProviderError{Class: hub.ProviderUnsupported, Message: "m"}},
		{sdk.Error{Code: sdk.CodePluginBug, Message: "m"}, hub.ProviderError{Class: hub.ProviderBug, Message: "m"}},
		{sdk.Error{Code: "invented", Message: "m"}, hub.ProviderError{Class: hub.ProviderBug, Message: "m"}},
	} {
		if got := providerError(&c.in); *got != c.want {
			t.Errorf("%+v becomes %+v, want %+v", c.in, *got, c.want)
		}
	}
}

func TestCheckAuthorize(t *testing.T) {
	t.Parallel()
	open := hub.Target{AllowedHosts: []string{"id.example:443", "id.example:80"}}
	private := hub.Target{AllowedHosts: []string{"127.0.0.1:4790"}, PrivateNetwork: true}
	for url, target := range map[string]hub.Target{
		"https://id.example/authorize?a=b": open,
		"https://ID.example:443/":          open,
		"http://127.0.0.1:4790/login":      private,
	} {
		if _, err := checkAuthorize(target, &sdk.AuthorizeResponse{URL: url}); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	for url, target := range map[string]hub.Target{
		"":                                   open,
		"/authorize":                         open,
		"http://id.example/":                 open, // not https
		"https://id.example:8443/":           open,
		"https://evil.example/":              open,
		"https://id.example.evil.example/":   open,
		"https://id.example@evil.example/":   open,
		"https://user@id.example/":           open,
		"https://id.example/#fragment":       open,
		"https://id.example/\r\nX: y":        open,
		"javascript:alert(1)//id.example":    open,
		"https:id.example":                   open,
		"https://id.example:443:443/":        open,
		"file://id.example/etc/passwd":       private,
		"http://127.0.0.1:4791/":             private,
		"https://id.example/" + long(20_000): open,
	} {
		if got, err := checkAuthorize(target, &sdk.AuthorizeResponse{URL: url}); err == nil {
			t.Errorf("%s is accepted: %+v", clipped(url), got)
		}
	}
	if _, err := checkAuthorize(open, &sdk.AuthorizeResponse{URL: "https://id.example/", Issuer: "javascript:1"}); err == nil {
		t.Error("an issuer that is no URL is accepted")
	}
}

func long(n int) string { return strings.Repeat("a", n) }

func TestParseDefinitions(t *testing.T) {
	t.Parallel()
	defs, err := parseDefinitions([][]byte{[]byte(`{"slug":"gitlab","x":1}`), []byte(`{"slug":"linear"}`)})
	if err != nil || len(defs) != 2 || string(defs["gitlab"]) != `{"slug":"gitlab","x":1}` {
		t.Errorf("definitions %v, %v", defs, err)
	}
	for _, bad := range []string{`{`, `{}`, `{"slug":"../x"}`} {
		if _, err := parseDefinitions([][]byte{[]byte(bad)}); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
	if _, err := parseDefinitions([][]byte{[]byte(`{"slug":"a"}`), []byte(`{"slug":"a"}`)}); err == nil {
		t.Error("two of one slug are accepted")
	}
}
