// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/standpipe/standpipe/sdk"
)

var descriptor = sdk.Descriptor{
	Slug:        "slack",
	Name:        "Slack",
	Description: "Read and write in a Slack workspace as you, as an app, or both.",
	Icon:        icon,
	BrandColor:  "#4a154b",
	Categories:  []string{"chat", "team"},
	DocsURL:     "https://docs.slack.dev/authentication/installing-with-oauth",
	ConsoleURL:  "https://api.slack.com/apps",
	SetupSteps: []string{
		"At api.slack.com/apps choose Create New App, From scratch, and pick the workspace.",
		"Choose the scopes here first: the redirect URI depends on them. Scopes that begin with user: act as you, the others as the app’s bot.",
		"Under OAuth & Permissions add the redirect URI shown here, and the same scopes (without user: under User Token Scopes).",
		"With user scopes only, Slack sends the browser back to this machine, if you switch on PKCE there.",
		"With bot scopes Slack wants https: set base_url of the hub, or register the https://localhost address shown here. Nobody listens on it; you paste the address on which the browser ends.",
		"Optionally switch on token rotation: tokens then live 12 hours and are renewed by themselves.",
		"Copy Client ID and Client Secret from Basic Information. An app with PKCE needs no secret.",
	},
	Warnings: []string{
		"Switching on PKCE makes a Slack app a public client for good. It cannot be undone.",
		"Switching on token rotation cannot be undone either.",
		"Slack gives no bot scopes to a redirect on this machine.",
		"Refresh tokens of an app with PKCE live 30 days.",
	},
	Scopes: []sdk.Scope{
		{Name: "user:channels:read", Title: "List public channels, as you", Default: true, Sensitivity: sdk.SensitivityLow},
		{Name: "user:channels:history", Title: "Read messages in public channels, as you", Default: true, Sensitivity: sdk.SensitivityMedium},
		{Name: "user:groups:history", Title: "Read messages in your private channels", Sensitivity: sdk.SensitivityHigh},
		{Name: "user:im:history", Title: "Read your direct messages", Sensitivity: sdk.SensitivityHigh},
		{Name: "user:chat:write", Title: "Send messages as you", Sensitivity: sdk.SensitivityHigh},
		{Name: "user:files:read", Title: "Read the files that you can see", Sensitivity: sdk.SensitivityHigh},
		{Name: "user:users:read", Title: "List the people of the workspace", Default: true, Sensitivity: sdk.SensitivityLow},
		{Name: "user:search:read", Title: "Search everything that you can see", Sensitivity: sdk.SensitivityHigh},
		{Name: "channels:read", Title: "List public channels, as the bot", Sensitivity: sdk.SensitivityLow},
		{Name: "channels:history", Title: "Read messages in public channels where the bot is", Sensitivity: sdk.SensitivityMedium},
		{Name: "groups:history", Title: "Read messages in private channels where the bot is", Sensitivity: sdk.SensitivityMedium},
		{Name: "im:history", Title: "Read direct messages to the bot", Sensitivity: sdk.SensitivityMedium},
		{Name: "chat:write", Title: "Send messages as the bot", Sensitivity: sdk.SensitivityHigh},
		{Name: "app_mentions:read", Title: "Read messages that mention the bot", Sensitivity: sdk.SensitivityLow},
		{Name: "reactions:write", Title: "Add and remove reactions as the bot", Sensitivity: sdk.SensitivityMedium},
		{Name: "files:write", Title: "Upload, change and delete files as the bot", Sensitivity: sdk.SensitivityHigh},
		{Name: "users:read", Title: "List the people of the workspace, as the bot", Sensitivity: sdk.SensitivityLow},
		{Name: "users:read.email", Title: "See the e-mail addresses of the people of the workspace", Sensitivity: sdk.SensitivityMedium},
		{Name: "team:read", Title: "See name and address of the workspace", Sensitivity: sdk.SensitivityLow},
		{Name: "commands", Title: "Add slash commands", Sensitivity: sdk.SensitivityLow},
		{Name: "incoming-webhook", Title: "Post to one channel, which is chosen while connecting", Sensitivity: sdk.SensitivityMedium},
	},
	Config: []sdk.ConfigField{{
		Key: "base_url", Label: "Slack address", Kind: sdk.FieldURL, Default: "https://slack.com",
		Description: "Change it for GovSlack (https://slack-gov.com).",
		Example:     "https://slack-gov.com", Pattern: `https?://[^\s?#]+`,
	}},
	AllowedHosts:    []string{"slack.com:443"},
	SecretRequired:  false,
	Redirect:        sdk.RedirectRule{Host: sdk.RedirectHTTPS, Paste: true, LoopbackScopes: userPrefix},
	Rotation:        sdk.RotationSingle,
	RefreshIdleLife: 30 * 24 * time.Hour,
	Revoke:          sdk.ReachToken,
	Remedies: map[sdk.Reason]string{
		sdk.ReasonRefreshExpired:      "Reauthorize. Refresh tokens of Slack work once, and those of an app with PKCE for 30 days.",
		sdk.ReasonRevoked:             "Reauthorize, if you are still a member of the workspace: the token was revoked, or the account was deactivated.",
		sdk.ReasonProviderUninstalled: "Reauthorize to install the app in the workspace again.",
		sdk.ReasonPolicy:              "Ask an administrator of the workspace to approve the app, then reauthorize.",
		sdk.ReasonScopeMissing:        "Add the scope under OAuth & Permissions of the app at Slack and in the settings here, then reauthorize.",
		sdk.ReasonClientInvalid:       "Check Client ID and Client Secret under Basic Information of the app at Slack.",
	},
	Sandbox: map[string]string{"base_url": "{sandbox}/slack"},
}
