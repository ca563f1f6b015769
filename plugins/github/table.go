// SPDX-License-Identifier: Apache-2.0

package main

import (
	_ "embed"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
)

const baseOfGitHub = "https://github.com"

//go:embed icon.svg
var icon string

// standard is GitHub as a table.
// https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens
var standard = &oauth.Standard{
	Descriptor:   descriptor,
	AuthorizeURL: "{base_url}/login/oauth/authorize",
	TokenURL:     "{base_url}/login/oauth/access_token",
	// The device flow needs no secret, and neither does the refresh of its tokens.
	// https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#device-flow
	DeviceURL:           "{base_url}/login/device/code",
	DeviceAuth:          oauth.AuthNone,
	ClientAuth:          oauth.AuthBody,
	SelectAccountParams: map[string]string{"prompt": "select_account"},
	LoginHintParam:      "login",
	// Scopes are asked for with spaces and listed with commas. A token
	// without expires_in lives until it is revoked.
	Answer: oauth.Answer{ScopeSeparator: ",", NeverExpires: true},
	Errors: errorMap,
	Identity: &oauth.Identity{
		// The API answers errors with "message" instead of "error".
		URL: "{api_url}/user", Headers: apiHeaders, Issuer: "{base_url}",
		// The login can be changed and given to somebody else; the id cannot.
		Subject: "id", Login: "login", Name: "name", Email: "email", Picture: "avatar_url",
		ScopesHeader: "X-OAuth-Scopes",
	},
	// https://docs.github.com/en/rest/apps/oauth-applications
	Revocation: &oauth.Revocation{
		URL:      "{api_url}/applications/{client_id}/token",
		GrantURL: "{api_url}/applications/{client_id}/grant",
		Method:   "DELETE", Auth: oauth.AuthBasic, Format: oauth.FormatJSON,
		Params: map[string]string{"access_token": "{token}"},
		Kinds:  []sdk.TokenKind{sdk.AccessToken},
		// 404: no such token of this app. 422: it was, and is revoked.
		Gone: []int{404, 422},
	},
}

var apiHeaders = map[string]string{
	"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28",
}

// errorMap gives GitHub's codes their meaning. The token endpoint sends them
// with status 200.
// https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors
var errorMap = []oauth.ErrorRule{
	{Code: "bad_verification_code", As: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonUnknown,
		Message: "The code from GitHub was used before or has expired. Connect again."},
	{Code: "bad_refresh_token", As: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRefreshExpired,
		Message: "GitHub no longer accepts the refresh token: it has expired, was revoked or was used before."},
	{Code: "incorrect_client_credentials", As: sdk.CodeMisconfigured, Field: "client_secret",
		Message: "GitHub does not accept this client id and client secret."},
	{Code: "redirect_uri_mismatch", As: sdk.CodeMisconfigured, Field: "redirect_uri",
		Message: "The callback URL of the OAuth app at GitHub is another one than Standpipe's redirect URI."},
	{Code: "incorrect_device_code", As: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonUnknown,
		Message: "The code of this attempt is not GitHub's. Connect again."},
	{Code: "device_flow_disabled", As: sdk.CodeMisconfigured, Field: "client_id",
		Message: "The device flow is not enabled in the settings of this app at GitHub."},
	{Code: "unverified_user_email", As: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonPolicy,
		Message: "GitHub wants the e-mail address of this account to be verified first."},
	{Code: "application_suspended", As: sdk.CodeMisconfigured, Field: "client_id",
		Message: "GitHub has suspended this OAuth app."},
	{On: []oauth.Leg{oauth.LegRevoke}, Status: 401, As: sdk.CodeMisconfigured, Field: "client_secret",
		Message: "GitHub does not accept this client id and client secret."},
	{On: []oauth.Leg{oauth.LegRevoke}, Status: 403, As: sdk.CodeTemporary,
		Message: "GitHub does not let this app revoke a token just now."},
	{On: []oauth.Leg{oauth.LegIdentify}, Status: 401, As: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRevoked,
		Message: "GitHub no longer accepts the token: it was revoked or has expired."},
}
