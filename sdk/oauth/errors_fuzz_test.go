// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

// FuzzErrorBody: whatever a provider says when it refuses, what is made of it
// has one of the classes, can be shown, and holds nothing that was sent. The
// seeds are what real providers answer.
func FuzzErrorBody(f *testing.F) {
	const canary = "rt-canary-0123456789abcdef"
	for _, seed := range []struct {
		status      int
		media, body string
	}{
		{200, "application/json; charset=utf-8", `{"error":"bad_refresh_token","error_description":"The refresh token passed is incorrect or expired.","error_uri":"https://docs.github.com"}`}, // GitHub
		{200, "application/x-www-form-urlencoded", `error=incorrect_client_credentials&error_description=The+client_id+and%2For+client_secret+passed+are+incorrect.`},
		{400, "application/json", `{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}`}, // Google
		{400, "application/json", `{"error":"invalid_grant","error_subtype":"invalid_rapt","error_description":"reauth related error (invalid_rapt)"}`},
		{200, "application/json", `{"ok":false,"error":"invalid_refresh_token"}`}, // Slack
		{429, "application/json", `{"ok":false,"error":"ratelimited"}`},
		{400, "application/json", `{"error":"invalid_grant","error_description":"expired access/refresh token"}`},                                                                                                                                 // Salesforce
		{400, "application/json", `{"error":"invalid_grant","error_description":"AADSTS70008: The refresh token has expired due to inactivity.\r\nTrace ID: 1","error_codes":[70008],"timestamp":"2026-11-27 00:00:00Z","suberror":"bad_token"}`}, // Microsoft
		{403, "application/json", `{"error":"unauthorized_client","error_description":"refresh_token is invalid"}`},                                                                                                                               // Atlassian
		{401, "application/json", `{"errorCode":"invalid_client","errorSummary":"Invalid value for 'client_id' parameter.","errorCauses":[]}`},                                                                                                    // Okta
		{400, "application/json", `{"error":{"message":"Error validating access token","type":"OAuthException","code":190,"error_subcode":460}}`},                                                                                                 // Meta
		{400, "application/json", `{"status":"BAD_REFRESH_TOKEN","message":"missing or invalid refresh token","correlationId":"1","error":"invalid_grant","error_description":"missing or invalid refresh token"}`},                               // HubSpot
		{400, "application/json", `{"error":"unknown_error","error_description":"retry your request"}`},                                                                                                                                           // Salesforce, which is well soon
		{400, "application/json", `{"object":"error","status":400,"code":"invalid_grant","message":"Invalid refresh token.","request_id":"r"}`},                                                                                                   // Notion
		{401, "application/json", `{"message":"401: Unauthorized","code":0}`},                                                                                                                                                                     // Discord
		{429, "application/json", `{"message":"You are being rate limited.","retry_after":64.57,"global":false}`},
		{503, "text/html", "<html><head><title>503</title></head><body>Down for maintenance</body></html>"},
		{502, "", ""},
		{400, "application/json", `{"error":"` + canary + `","error_description":"bad token ` + canary + `"}`},
		{400, "application/json", "{\"error\":\"a\\u0000\\u202e\\u001b[31m\",\"error_description\":[1,{\"x\":null}]}"},
	} {
		f.Add(seed.status, seed.media, []byte(seed.body))
	}
	codes := []sdk.Code{
		sdk.CodeReauthorizationRequired, sdk.CodeUserDenied, sdk.CodeMisconfigured, sdk.CodeTemporary, sdk.CodeRateLimited,
		sdk.CodeSlowDown, sdk.CodeUnsupported, sdk.CodePluginBug,
	}
	f.Fuzz(func(t *testing.T, status int, media string, body []byte) {
		if status < 100 || status > 599 {
			return
		}
		doc, err := parseAnswer(media, body)
		if err != nil {
			doc = nil
		}
		c := &call{leg: LegRefresh, secrets: []secret.Value{secret.New(canary)}}
		e := slackLike.judge(c, &answer{status: status, header: http.Header{}, doc: doc}, slackLike.errorPaths("ok", ""), true)
		if e == nil {
			if status < 200 || status > 299 {
				t.Fatalf("status %d was taken for a success", status)
			}
			return
		}
		if !slices.Contains(codes, e.Code) {
			t.Fatalf("the class is %q", e.Code)
		}
		for _, text := range []string{e.Message, e.ProviderCode, e.Error()} {
			if strings.Contains(text, canary) {
				t.Fatalf("what was sent shows in %q", text)
			}
			if strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 && r != '\n' || r == 0x7f || r == 0x202e }) {
				t.Fatalf("it cannot be shown: %q", text)
			}
		}
		if len([]rune(e.Message)) > maxMessage || e.RetryAfter < 0 || e.RetryAfter > 366*24*time.Hour {
			t.Fatalf("%+v", e)
		}
	})
}
