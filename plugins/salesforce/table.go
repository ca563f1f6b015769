// SPDX-License-Identifier: Apache-2.0

package main

import (
	_ "embed"
	"time"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
)

//go:embed icon.svg
var icon string

// standard is Salesforce as a table. All calls of a connection go to the host
// that it was made with.
// https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_web_server_flow.htm
var standard = &oauth.Standard{
	Descriptor:          descriptor,
	AuthorizeURL:        "{host}/services/oauth2/authorize",
	TokenURL:            "{host}/services/oauth2/token",
	ClientAuth:          oauth.AuthBody,
	SelectAccountParams: map[string]string{"prompt": "login"},
	LoginHintParam:      "login_hint",
	Answer: oauth.Answer{
		// No expires_in: the session lives as long as org, profile and app say,
		// two hours unless they say otherwise.
		DefaultLifetime: oauth.Duration(2 * time.Hour),
		// Both may change with a refresh, when an org moves.
		Metadata: map[string]string{"instance_url": "instance_url", "identity_url": "id"},
	},
	Introspection: &oauth.Introspection{URL: "{host}/services/oauth2/introspect"},
	Errors:        errorMap,
	// The answer names org and user in the identity URL; provider.go takes them
	// apart, and asks that URL for their names.
	Identity: &oauth.Identity{
		URL: "{host}/services/oauth2/userinfo", Issuer: "{host}",
		Subject: "user_id", Tenant: "organization_id", Login: "preferred_username|username", Name: "name|display_name", Email: "email",
		// Orgs that do not show profile photos to the public answer with a login page.
		// https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_using_openid.htm
		Picture: "photos.thumbnail|picture",
	},
	// Of a refresh token it takes its access tokens along. One that is not known
	// any more is an error of status 400.
	// https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_revoke_token.htm
	Revocation: &oauth.Revocation{URL: "{host}/services/oauth2/revoke", Auth: oauth.AuthNone, Params: map[string]string{"token": "{token}"}},
}

// errorMap gives Salesforce's codes and texts their meaning.
// https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_flow_errors.htm
var errorMap = []oauth.ErrorRule{
	{Code: "unknown_error", As: sdk.CodeTemporary, Message: "Salesforce asks to retry the request."},
	{Code: "server_error", As: sdk.CodeTemporary},
	{Text: "retry your request", As: sdk.CodeTemporary, Message: "Salesforce asks to retry the request."},
	{Code: "rate_limit_exceeded", As: sdk.CodeRateLimited},
	grant("inactive user", sdk.ReasonRevoked, "The user is deactivated in Salesforce."),
	grant("inactive organization", sdk.ReasonRevoked, "The org is closed or locked."),
	grant("user hasn't approved", sdk.ReasonRevoked, "The user has not approved the app, or withdrew the approval."),
	grant("ip restricted", sdk.ReasonPolicy, "Salesforce does not allow this network address (IP ranges of the org or the app)."),
	grant("invalid login hours", sdk.ReasonPolicy, "Salesforce does not allow access at this hour."),
	grant("token validity expired", sdk.ReasonRefreshExpired, "The refresh token has reached the age that the app’s policy sets."),
	grant("expired access/refresh token", sdk.ReasonRefreshExpired, "Salesforce no longer accepts the refresh token: it has expired, was used before or was revoked."),
	grant("expired authorization code", sdk.ReasonUnknown, "The code from Salesforce has expired. Connect again."),
	{Code: "inactive_user", As: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRevoked, Message: "The user is deactivated in Salesforce."},
	{Code: "inactive_org", As: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRevoked, Message: "The org is closed or locked."},
	{Code: "invalid_client_id", As: sdk.CodeMisconfigured, Field: "client_id", Message: "Salesforce does not know this consumer key on this host. A new app takes up to ten minutes to be known."},
	{Code: "invalid_client", As: sdk.CodeMisconfigured, Field: "client_secret", Message: "Salesforce does not accept this consumer key and secret."},
	{Code: "invalid_client_credentials", As: sdk.CodeMisconfigured, Field: "client_secret", Message: "Salesforce does not accept this consumer secret."},
	{Code: "OAUTH_APP_BLOCKED", As: sdk.CodeMisconfigured, Field: "client_id", Message: "This app is blocked in the org. An administrator has to install or unblock it."},
	{Code: "OAUTH_EC_APP_NOT_FOUND", As: sdk.CodeMisconfigured, Field: "client_id", Message: "This External Client App does not exist in the org."},
	{On: []oauth.Leg{oauth.LegIdentify}, Status: 403, As: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRevoked, Message: "Salesforce no longer accepts the token."},
}

func grant(text string, reason sdk.Reason, message string) oauth.ErrorRule {
	return oauth.ErrorRule{Code: "invalid_grant", Text: text, As: sdk.CodeReauthorizationRequired, Reason: reason, Message: message}
}
