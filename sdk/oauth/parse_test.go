// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"slices"
	"testing"
	"time"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

// slackLike has every path that an answer can have.
var slackLike = Standard{
	ScopeSeparator: ",",
	Answer: Answer{
		OK: "ok", JWTExpiry: true, ErrorDetail: "errors.0",
		Metadata: map[string]string{"team": "team.id|enterprise.id"},
		Named: map[string]NamedAnswer{
			"user": {AccessToken: "authed_user.access_token", RefreshToken: "authed_user.refresh_token", ExpiresIn: "authed_user.expires_in", Scope: "authed_user.scope"},
		},
	},
}

func TestNamedTokens(t *testing.T) {
	doc, err := parseAnswer("application/json", []byte(`{"ok":true,"access_token":"xoxb-1","expires_in":43200,"scope":"chat:write,files:read",
		"team":null,"enterprise":{"id":"E1"},"authed_user":{"access_token":"xoxp-1","refresh_token":"xoxe-1","expires_in":43100.0,"scope":""}}`))
	if err != nil {
		t.Fatal(err)
	}
	got := slackLike.tokenSet(doc)
	user := got.Named["user"]
	if got.AccessToken.Reveal() != "xoxb-1" || len(got.Scopes) != 2 || got.Metadata["team"] != "E1" {
		t.Errorf("bot token %+v", got)
	}
	if user.AccessToken.Reveal() != "xoxp-1" || user.RefreshToken.Reveal() != "xoxe-1" || user.ExpiresIn != 43100*time.Second || user.Scopes == nil || len(user.Scopes) != 0 {
		t.Errorf("user token %+v", user)
	}
}

func TestLifeFromJWT(t *testing.T) {
	// {"iat":1000,"exp":1600}
	life, source := slackLike.expiry(document{}, "expires_in", secret.New("e30.eyJpYXQiOjEwMDAsImV4cCI6MTYwMH0.x"))
	if life != 10*time.Minute || source != sdk.ExpiryJWT {
		t.Errorf("%v, %q", life, source)
	}
	for _, bad := range []string{"", "a.b", "e30.e30.x", "e30.!!!.x", "e30.eyJpYXQiOjE2MDAsImV4cCI6MTAwMH0.x"} {
		if life, source := slackLike.expiry(document{}, "", secret.New(bad)); life != 0 || source != sdk.ExpiryUnknown {
			t.Errorf("%q: %v, %q", bad, life, source)
		}
	}
}

// FuzzTokenAnswer: whatever comes back, the token set that is made of it can
// be stored, sent in a header and counted with. The first seeds are in the form
// in which real providers answer.
func FuzzTokenAnswer(f *testing.F) {
	for _, seed := range []struct{ media, body string }{
		{"application/json; charset=utf-8", `{"access_token":"ghu_1","expires_in":28800,"refresh_token":"ghr_1","refresh_token_expires_in":15897600,"token_type":"bearer","scope":""}`},                                                                                                                                                                                                                                                         // GitHub
		{"application/x-www-form-urlencoded; charset=utf-8", `access_token=gho_1&scope=repo%2Cuser%3Aemail&token_type=bearer`},                                                                                                                                                                                                                                                                                                                  // GitHub, not asked for JSON
		{"application/json; charset=utf-8", `{"access_token":"ya29.a0","expires_in":3599,"refresh_token":"1//0g","refresh_token_expires_in":604799,"scope":"openid https://www.googleapis.com/auth/drive","token_type":"Bearer","id_token":"e30.e30.x"}`},                                                                                                                                                                                       // Google
		{"application/json; charset=utf-8", `{"ok":true,"access_token":"xoxe.xoxb-1","token_type":"bot","scope":"chat:write,im:read","bot_user_id":"U1","app_id":"A1","expires_in":43200,"refresh_token":"xoxe-1","team":{"name":"T","id":"T1"},"enterprise":null,"authed_user":{"id":"U2","scope":"search:read","access_token":"xoxe.xoxp-1","token_type":"user","expires_in":43200,"refresh_token":"xoxe-2"},"is_enterprise_install":false}`}, // Slack
		{"application/json;charset=UTF-8", `{"access_token":"00D!AR","signature":"x=","scope":"refresh_token api","instance_url":"https://a.my.salesforce.com","id":"https://login.salesforce.com/id/00D/005","token_type":"Bearer","issued_at":"1700000000000"}`},                                                                                                                                                                              // Salesforce
		{"application/json; charset=utf-8", `{"token_type":"Bearer","scope":"User.Read Mail.Read","expires_in":4711,"ext_expires_in":4711,"access_token":"EwB","refresh_token":"M.C5","id_token":"e30.e30.x"}`},                                                                                                                                                                                                                                 // Microsoft
		{"application/json", `{"access_token":"eyJ","expires_in":3600,"token_type":"Bearer","refresh_token":"eyJ","scope":"read:jira-work offline_access"}`},                                                                                                                                                                                                                                                                                    // Atlassian
		{"application/json;charset=utf-8", `{"token_type":"bearer","refresh_token":"r","access_token":"a","hub_id":62515,"scopes":["oauth","crm.objects.contacts.read"],"user_id":1,"expires_in":1800}`},                                                                                                                                                                                                                                        // HubSpot
		{"application/json; charset=utf-8", `{"access_token":"ntn_1","token_type":"bearer","refresh_token":"nrt_1","bot_id":"b","workspace_id":"w","workspace_name":null,"owner":{"type":"user","user":{"object":"user","id":"u"}},"duplicated_template_id":null}`},                                                                                                                                                                             // Notion
		{"application/json", `{"x_refresh_token_expires_in":8726400,"refresh_token":"AB1","access_token":"eyJ","token_type":"bearer","expires_in":3600}`},                                                                                                                                                                                                                                                                                       // QuickBooks
		{"application/json", `{"access_token":"a","expires_in":"3600"}`},
		{"application/json", `{"access_token":"a","expires_in":1e400}`},
		{"application/json", `{"access_token":"a","expires_in":-1}`},
		{"application/json", `{"access_token":"a\r\nX: y","scope":["a",1,null]}`},
		{"application/json", `{"ok":false,"error":{"a":[1]}}`},
		{"application/json", `{"authed_user":{"access_token":"u"},"team":[{}]}`},
		{"application/json", `{"access_token":"a"}{}`},
		{"text/plain", `{"access_token":"a"}`},
		{"text/html", `<html>access_token=a`},
		{"application/x-www-form-urlencoded", `access_token=a&scope=repo%2Cgist&token_type=bearer`},
		{"application/x-www-form-urlencoded", `error=bad_verification_code&error_description=%zz`},
		{"", "\x00"},
	} {
		f.Add(seed.media, []byte(seed.body))
	}
	f.Fuzz(func(t *testing.T, media string, body []byte) {
		doc, err := parseAnswer(media, body)
		if err != nil {
			if doc != nil {
				t.Fatal("a document beside an error")
			}
			return
		}
		got := slackLike.tokenSet(doc)
		check := func(v secret.Value, life time.Duration) {
			for _, r := range v.Reveal() {
				if r < 0x20 || r > 0x7e {
					t.Fatalf("a token holds %q", r)
				}
			}
			if life < 0 || life > maxLife {
				t.Fatalf("life %v", life)
			}
		}
		check(got.AccessToken, got.ExpiresIn)
		check(got.RefreshToken, got.RefreshExpiresIn)
		for _, n := range got.Named {
			check(n.AccessToken, n.ExpiresIn)
		}
		c := &call{leg: LegRefresh, secrets: []secret.Value{got.RefreshToken}}
		if e := slackLike.judge(c, &answer{status: 400, doc: doc}, slackLike.errorPaths("ok", ""), true); e == nil || len([]rune(e.Message)) > maxMessage {
			t.Fatalf("status 400 judged as %+v", e)
		}
	})
}

func TestScopesAreSplitAtSpacesToo(t *testing.T) {
	got := slackLike.splitScopes("repo read:user,gist , user")
	if want := []string{"repo", "read:user", "gist", "user"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
