// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/standpipe/standpipe/sdk"
)

const api = "https://www.googleapis.com/auth/"

var descriptor = sdk.Descriptor{
	Slug:        "google",
	Name:        "Google",
	Description: "Use Gmail, Calendar, Drive and other Google APIs as you.",
	Icon:        icon,
	BrandColor:  "#4285f4",
	Categories:  []string{"mail", "calendar", "files", "documents"},
	DocsURL:     "https://developers.google.com/identity/protocols/oauth2/native-app",
	ConsoleURL:  "https://console.cloud.google.com/auth/clients",
	SetupSteps: []string{
		"In the Google Cloud console, choose or make a project, and enable the APIs that you want to use (Gmail API, Google Calendar API …).",
		"Under Google Auth Platform, Branding and Audience, set up the consent screen; while it is in Testing, add the accounts that will connect as test users.",
		"Under Clients, create a client of the type Desktop app. It takes the redirect URI shown here without being told; a Web application needs it registered.",
		"Copy client ID and client secret. Google wants the secret of a desktop app too, although it is none.",
		"To connect with a code, create a second client of the type TVs and Limited Input devices, and enter it as an integration of its own.",
	},
	Warnings: []string{
		"While the consent screen is in Testing, Google ends every connection after 7 days, unless it has no scopes but name and e-mail. Publish the app to make it last.",
		"Google shows “unverified app” for scopes that read mail or files until it has reviewed the app; for your own account you can go on.",
		"Google can only revoke everything that this client has of an account: where another connection shares it, you are asked before it ends too.",
		"A password change ends connections with Gmail scopes, and six months without use end any.",
	},
	Scopes: []sdk.Scope{
		{Name: "openid", Title: "Know which account it is", Required: true, Sensitivity: sdk.SensitivityLow},
		{Name: "email", Title: "See your e-mail address", Default: true, Sensitivity: sdk.SensitivityLow},
		{Name: "profile", Title: "See your name and picture", Default: true, Sensitivity: sdk.SensitivityLow},
		{Name: api + "gmail.readonly", Title: "Read all your mail", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "gmail.send", Title: "Send mail as you", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "gmail.modify", Title: "Read, write and send mail, but not delete it for good", Sensitivity: sdk.SensitivityHigh},
		{Name: "https://mail.google.com/", Title: "Everything in Gmail, by IMAP too: read, write, send and delete", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "calendar.readonly", Title: "See your calendars", Default: true, Sensitivity: sdk.SensitivityMedium},
		{Name: api + "calendar.events", Title: "See and change events in your calendars", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "calendar", Title: "See, change, share and delete your calendars", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "drive.file", Title: "See and change only the files that you open with the app", Sensitivity: sdk.SensitivityMedium},
		{Name: api + "drive.readonly", Title: "See and download all your files", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "drive", Title: "See, change, make and delete all your files", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "documents", Title: "See, change, make and delete all your documents", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "spreadsheets", Title: "See, change, make and delete all your spreadsheets", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "contacts.readonly", Title: "See and download your contacts", Sensitivity: sdk.SensitivityMedium},
		{Name: api + "tasks", Title: "See, change, make and delete your tasks", Sensitivity: sdk.SensitivityMedium},
		{Name: api + "gmail.compose", Title: "Write drafts and send mail as you", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "gmail.metadata", Title: "See senders, subjects and labels of your mail, not its text", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "gmail.labels", Title: "See and change your mail labels", Sensitivity: sdk.SensitivityMedium},
		{Name: api + "gmail.settings.basic", Title: "See and change your mail settings and filters", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "calendar.events.readonly", Title: "See events in your calendars", Sensitivity: sdk.SensitivityMedium},
		{Name: api + "calendar.freebusy", Title: "See when you are busy", Sensitivity: sdk.SensitivityLow},
		{Name: api + "drive.metadata.readonly", Title: "See names and details of all your files, not their content", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "drive.appdata", Title: "Keep the app’s own data in your Drive", Sensitivity: sdk.SensitivityLow},
		{Name: api + "documents.readonly", Title: "See all your documents", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "spreadsheets.readonly", Title: "See all your spreadsheets", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "presentations", Title: "See, change, make and delete all your presentations", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "presentations.readonly", Title: "See all your presentations", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "forms.body", Title: "See, change, make and delete all your forms", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "forms.responses.readonly", Title: "See the answers to your forms", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "contacts", Title: "See, change and delete your contacts", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "contacts.other.readonly", Title: "See people whom Google saved from your mail", Sensitivity: sdk.SensitivityMedium},
		{Name: api + "directory.readonly", Title: "See people of your organization", Sensitivity: sdk.SensitivityMedium},
		{Name: api + "tasks.readonly", Title: "See your tasks", Sensitivity: sdk.SensitivityLow},
		{Name: api + "chat.messages", Title: "Read and write your Chat messages", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "chat.messages.readonly", Title: "Read your Chat messages", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "meetings.space.created", Title: "Make meetings, and see those that the app made", Sensitivity: sdk.SensitivityMedium},
		{Name: api + "youtube", Title: "Manage your YouTube account", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "youtube.upload", Title: "Upload videos to your YouTube channel", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "analytics.readonly", Title: "See your Analytics data", Sensitivity: sdk.SensitivityMedium},
		{Name: api + "webmasters.readonly", Title: "See Search Console data of your sites", Sensitivity: sdk.SensitivityLow},
		{Name: api + "bigquery", Title: "See and change your data in BigQuery", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "cloud-platform", Title: "See, change and delete everything in your Google Cloud projects", Sensitivity: sdk.SensitivityHigh},
		{Name: api + "youtube.readonly", Title: "See your YouTube account", Sensitivity: sdk.SensitivityMedium},
	},
	Config: []sdk.ConfigField{{
		Key: "issuer", Label: "Issuer", Kind: sdk.FieldURL, Default: "https://accounts.google.com",
		Description: "Leave it as it is; another one is for tests against a stand-in.",
		Example:     "https://accounts.google.com", Pattern: `https?://[^\s?#@/]+(?:/[^\s?#@]*)?`,
	}},
	AllowedHosts: []string{
		"accounts.google.com:443", "oauth2.googleapis.com:443", "openidconnect.googleapis.com:443", "www.googleapis.com:443", "www.google.com:443",
	},
	APIs:           []string{"https://www.googleapis.com", "https://*.googleapis.com"},
	PictureHosts:   []string{"lh3.googleusercontent.com:443", "lh4.googleusercontent.com:443", "lh5.googleusercontent.com:443", "lh6.googleusercontent.com:443"},
	SecretRequired: true,
	Redirect:       sdk.RedirectRule{AnyPort: true, AnyPath: true},
	Rotation:       sdk.RotationNone,
	// https://developers.google.com/identity/protocols/oauth2#expiration
	RefreshIdleLife: 182 * 24 * time.Hour,
	Revoke:          sdk.ReachGrant,
	Remedies: map[sdk.Reason]string{
		sdk.ReasonRefreshExpired: "Reauthorize. If this happens every 7 days, the consent screen is still in Testing: publish the app under Google Auth Platform, Audience. It also happens when the access was removed at myaccount.google.com, when the password of an account with Gmail scopes was changed, and after six months without use.",
		sdk.ReasonRevoked:        "Reauthorize. The access was removed at myaccount.google.com under third-party connections, or in another connection of this client and account.",
		sdk.ReasonPolicy:         "Reauthorize. Your Google Workspace ends sessions after a time that its administrator sets; only the administrator can exempt this app from it.",
		sdk.ReasonScopeMissing:   "Reauthorize and leave the boxes ticked that Google shows.",
		sdk.ReasonRefreshMissing: "Reauthorize and agree on Google’s consent page, which is when Google hands out a refresh token.",
		sdk.ReasonClientInvalid:  "Check client id and secret in the Google Cloud console: the client may have been deleted or its secret replaced.",
	},
	Sandbox: map[string]string{"issuer": "{sandbox}/google"},
}
