// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/standpipe/standpipe/sdk"
)

// hosts are login, test, My Domain (with its sandboxes) and Experience Cloud;
// never the address of the Lightning page, which has no OAuth endpoints.
const hosts = `https://(?:(?:login|test)\.salesforce\.com` +
	`|[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.(?:sandbox|develop|scratch|trailblaze|demo|patch|free))?\.my\.salesforce\.com` +
	`|[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.sandbox)?\.my\.site\.com(?:/[A-Za-z0-9_-]+)?)/?`

var descriptor = sdk.Descriptor{
	Slug:        "salesforce",
	Name:        "Salesforce",
	Description: "Read and change the records of a Salesforce org as you.",
	Icon:        icon,
	BrandColor:  "#00a1e0",
	Categories:  []string{"crm", "sales"},
	DocsURL:     "https://help.salesforce.com/s/articleView?id=xcloud.external_client_apps.htm",
	ConsoleURL:  "https://login.salesforce.com/lightning/setup/ManageExternalClientApplication/home",
	SetupSteps: []string{
		"In Setup, open External Client App Manager and choose New External Client App.",
		"Enable OAuth, and add the redirect URI shown here as the callback URL, to the letter and with its port.",
		"Add the scopes “Manage user data via APIs (api)” and “Perform requests at any time (refresh_token, offline_access)”.",
		"Keep “Require Proof Key for Code Exchange (PKCE)” on. Switch “Require secret” off for an app without a secret.",
		"Under Policies choose how long refresh tokens are valid and whether they rotate; both work.",
		"Save, wait up to ten minutes, and copy consumer key and consumer secret.",
	},
	Warnings: []string{
		"Since Spring ’26 no new Connected Apps can be made: use an External Client App. Older Connected Apps go on working.",
		"Since September 2025 ordinary users cannot authorize an app that is not installed in their org; an administrator has to install it.",
		"A sandbox has a login of its own: choose test.salesforce.com or its My Domain when you connect.",
		"Salesforce keeps about five approvals per user and app; a further one ends the oldest.",
	},
	Scopes: []sdk.Scope{
		{Name: "api", Title: "Read and change your data through the API", Required: true, Sensitivity: sdk.SensitivityHigh},
		{Name: "refresh_token", Title: "Stay connected while you are away", Default: true, Sensitivity: sdk.SensitivityMedium},
		{Name: "id", Title: "Read who you are", Default: true, Sensitivity: sdk.SensitivityLow},
		{Name: "openid", Title: "Get a signed statement of who you are", Sensitivity: sdk.SensitivityLow},
		{Name: "profile", Title: "Read your profile", Sensitivity: sdk.SensitivityLow},
		{Name: "email", Title: "Read your e-mail address", Sensitivity: sdk.SensitivityLow},
		{Name: "address", Title: "Read your address", Sensitivity: sdk.SensitivityLow},
		{Name: "phone", Title: "Read your phone number", Sensitivity: sdk.SensitivityLow},
		{Name: "visualforce", Title: "Use Visualforce pages as you", Sensitivity: sdk.SensitivityHigh},
		{Name: "lightning", Title: "Use Lightning pages and components as you", Sensitivity: sdk.SensitivityHigh},
		{Name: "content", Title: "Use files that you see in Salesforce as you", Sensitivity: sdk.SensitivityHigh},
		{Name: "custom_permissions", Title: "See which custom permissions you have for the app", Sensitivity: sdk.SensitivityLow},
		{Name: "wave_api", Title: "Use CRM Analytics as you", Sensitivity: sdk.SensitivityMedium},
		{Name: "eclair_api", Title: "Use Analytics chart geodata", Sensitivity: sdk.SensitivityLow},
		{Name: "pardot_api", Title: "Use Account Engagement (Pardot) as you", Sensitivity: sdk.SensitivityHigh},
		{Name: "cdp_api", Title: "Use Data Cloud as you", Sensitivity: sdk.SensitivityHigh},
		{Name: "cdp_ingest_api", Title: "Load data into Data Cloud", Sensitivity: sdk.SensitivityHigh},
		{Name: "cdp_query_api", Title: "Query data in Data Cloud", Sensitivity: sdk.SensitivityHigh},
		{Name: "cdp_profile_api", Title: "Read profiles in Data Cloud", Sensitivity: sdk.SensitivityHigh},
		{Name: "einstein_gpt_api", Title: "Use Einstein’s generative AI as you", Sensitivity: sdk.SensitivityMedium},
		{Name: "sfap_api", Title: "Use the Salesforce API Platform (Agentforce) as you", Sensitivity: sdk.SensitivityHigh},
		{Name: "chatbot_api", Title: "Use Einstein bots and agents as you", Sensitivity: sdk.SensitivityMedium},
		{Name: "chatter_api", Title: "Read and write in Chatter as you", Sensitivity: sdk.SensitivityMedium},
		{Name: "web", Title: "Use Salesforce in a browser as you", Sensitivity: sdk.SensitivityHigh},
		{Name: "full", Title: "Everything that you can do, except staying connected", Sensitivity: sdk.SensitivityHigh},
	},
	Config: []sdk.ConfigField{{
		Key: "host", Label: "Login host", Kind: sdk.FieldURL, Level: sdk.LevelInstallation, Default: "https://login.salesforce.com",
		Description: "Where you sign in: https://login.salesforce.com, https://test.salesforce.com for a sandbox, or your My Domain.",
		Example:     "https://acme.my.salesforce.com", Pattern: hosts,
	}},
	AllowedHosts:   []string{"login.salesforce.com:443", "test.salesforce.com:443"},
	APIs:           []string{"{instance_url}"},
	PictureHosts:   []string{"*.my.salesforce.com:443", "*.file.force.com:443", "*.content.force.com:443", "*.documentforce.com:443"},
	SecretRequired: false,
	Redirect:       sdk.RedirectRule{Host: sdk.RedirectLocalhost},
	// Rotation is a switch of the app.
	Rotation: sdk.RotationUnknown,
	// An optional cap of the app, on however long its policy lets tokens live.
	RefreshIdleLife: 30 * 24 * time.Hour,
	Revoke:          sdk.ReachToken,
	Remedies: map[sdk.Reason]string{
		sdk.ReasonRefreshExpired: "Reauthorize. The refresh token policy of the app says how long tokens live and whether they may be used again; more than about five approvals per user end the oldest.",
		sdk.ReasonRevoked:        "Reauthorize, if the user is still active in the org.",
		sdk.ReasonPolicy:         "Ask an administrator of the org about the IP ranges and login hours of your profile and of the app, then reauthorize.",
		sdk.ReasonRefreshMissing: "Add the scope refresh_token to the app at Salesforce and in the settings here, then reauthorize.",
		sdk.ReasonScopeMissing:   "Add the scope to the app at Salesforce (OAuth settings) and in the settings here, then reauthorize.",
		sdk.ReasonClientInvalid:  "Check consumer key and secret, and that the app is installed in this org.",
	},
	Sandbox: map[string]string{"host": "{sandbox}/salesforce"},
}
