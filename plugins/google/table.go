// SPDX-License-Identifier: Apache-2.0

package main

import (
	_ "embed"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
)

//go:embed icon.svg
var icon string

// standard is Google as a table. Its endpoints come from its discovery document.
// https://developers.google.com/identity/protocols/oauth2/native-app
// https://developers.google.com/identity/openid-connect/openid-connect
var standard = &oauth.Standard{
	Descriptor: descriptor,
	Issuer:     "{issuer}",
	ClientAuth: oauth.AuthBody,
	// The device endpoint takes a client id only, the token endpoint the secret too.
	DeviceAuth: oauth.AuthNone,
	// A refresh token comes with access_type=offline only, and with the first
	// consent only, unless consent is asked for again.
	AuthorizeParams: map[string]string{"access_type": "offline", "include_granted_scopes": "true"},
	Answer:          oauth.Answer{ErrorDetail: "error_subtype"},
	Errors:          errorMap,
	Identity:        &oauth.Identity{From: oauth.FromIDToken, Subject: "sub", Login: "email", Name: "name", Email: "email", Picture: "picture"},
	// Whichever token it is given, everything of this client and account goes.
	// A token that is gone is an invalid_token of status 400.
	// https://developers.google.com/identity/protocols/oauth2/native-app#tokenrevoke
	Revocation: &oauth.Revocation{Auth: oauth.AuthNone, Params: map[string]string{"token": "{token}"}},
}

// errorMap gives Google's codes their meaning. The texts of invalid_grant are
// all there is to tell its causes apart.
// https://developers.google.com/identity/protocols/oauth2#expiration
var errorMap = []oauth.ErrorRule{
	{Detail: "invalid_rapt", As: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonPolicy,
		Message: "Google Workspace limits how long a sign-in lasts, and this one is over (invalid_rapt)."},
	{Code: "invalid_grant", Text: "invalid_rapt", As: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonPolicy,
		Message: "Google Workspace limits how long a sign-in lasts, and this one is over (invalid_rapt)."},
	{Code: "admin_policy_enforced", As: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonPolicy,
		Message: "The administrator of this Google Workspace does not allow a scope that is asked for."},
	{On: []oauth.Leg{oauth.LegRefresh}, Code: "invalid_grant", Text: "expired or revoked", As: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRefreshExpired,
		Message: "Google ended the access: it was withdrawn in the account, or it expired."},
	{On: []oauth.Leg{oauth.LegDevice}, Code: "invalid_client", Text: "client type", As: sdk.CodeMisconfigured, Field: "client_id",
		Message: "Google wants a client of the type “TVs and Limited Input devices” to connect with a code; make one, and enter it as an integration of its own."},
	{On: []oauth.Leg{oauth.LegDevice}, Code: "invalid_scope", As: sdk.CodeMisconfigured, Field: "scopes",
		Message: "Google gives only a few scopes to a device flow: openid, email, profile, drive.file, drive.appdata and YouTube’s."},
	{On: []oauth.Leg{oauth.LegIdentify}, Status: 401, As: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRevoked,
		Message: "Google no longer accepts the token: it was revoked or has expired."},
	{Code: "deleted_client", As: sdk.CodeMisconfigured, Field: "client_id", Message: "This OAuth client was deleted in the Google Cloud console."},
	{Code: "disabled_client", As: sdk.CodeMisconfigured, Field: "client_id", Message: "This OAuth client is disabled in the Google Cloud console."},
	{Code: "org_internal", As: sdk.CodeMisconfigured, Field: "client_id", Message: "This OAuth client is for accounts of its own organization only."},
}
