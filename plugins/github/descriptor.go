// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/standpipe/standpipe/sdk"
)

var descriptor = sdk.Descriptor{
	Slug:        "github",
	Name:        "GitHub",
	Description: "Read and change repositories, issues and pull requests as you.",
	Icon:        icon,
	BrandColor:  "#24292f",
	Categories:  []string{"code", "issues"},
	DocsURL:     "https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps",
	ConsoleURL:  "https://github.com/settings/developers",
	SetupSteps: []string{
		"Open Settings, Developer settings, OAuth Apps at GitHub and choose “New OAuth App”.",
		"Give it a name and a homepage that you will recognise; both are shown when you connect.",
		"Paste the redirect URI shown here as the authorization callback URL.",
		"Register the app, generate a client secret, and enter client ID and client secret here.",
		"For tokens that expire after 8 hours and renew themselves, ask for the scope offline_access or use a GitHub App.",
		"To connect with a code, tick “Enable Device Flow” in the app's settings; that works without a client secret too.",
		"With a GitHub App, choose no scopes here: the app's own permissions decide.",
	},
	Warnings: []string{
		"A GitHub App's tokens have permissions instead of scopes, and reach only where the app is installed.",
		"GitHub keeps ten tokens per account, app and scopes, and ends the oldest one when there is an eleventh.",
		"Organizations can restrict OAuth apps: until an owner approves the app, their private repositories are not seen.",
	},
	Scopes: []sdk.Scope{
		{Name: "read:user", Title: "Read your profile", Default: true, Sensitivity: sdk.SensitivityLow},
		{Name: "user:email", Title: "Read your e-mail addresses", Default: true, Sensitivity: sdk.SensitivityLow},
		{Name: "repo", Title: "Read and change your public and private repositories", Default: true, Sensitivity: sdk.SensitivityHigh},
		{Name: "public_repo", Title: "Read and change your public repositories only", Sensitivity: sdk.SensitivityHigh},
		{Name: "workflow", Title: "Change GitHub Actions workflow files", Sensitivity: sdk.SensitivityHigh},
		{Name: "gist", Title: "Create and change your gists", Sensitivity: sdk.SensitivityMedium},
		{Name: "notifications", Title: "Read your notifications and mark them as read", Sensitivity: sdk.SensitivityMedium},
		{Name: "read:org", Title: "Read your membership in organizations and teams", Sensitivity: sdk.SensitivityMedium},
		{Name: "write:org", Title: "Change your membership in organizations and teams", Sensitivity: sdk.SensitivityHigh},
		{Name: "project", Title: "Read and change your projects", Sensitivity: sdk.SensitivityHigh},
		{Name: "read:packages", Title: "Download packages", Sensitivity: sdk.SensitivityLow},
		{Name: "write:packages", Title: "Publish packages", Sensitivity: sdk.SensitivityHigh},
		{Name: "user", Title: "Read and change your profile", Sensitivity: sdk.SensitivityHigh},
		{Name: "user:follow", Title: "Follow and unfollow people for you", Sensitivity: sdk.SensitivityLow},
		{Name: "read:public_key", Title: "List your SSH keys", Sensitivity: sdk.SensitivityLow},
		{Name: "delete_repo", Title: "Delete your repositories", Sensitivity: sdk.SensitivityHigh},
		{Name: "repo:status", Title: "Read and set commit statuses of your repositories, without their code", Sensitivity: sdk.SensitivityMedium},
		{Name: "repo_deployment", Title: "Read and set deployment statuses of your repositories, without their code", Sensitivity: sdk.SensitivityMedium},
		{Name: "repo:invite", Title: "Accept and decline invitations to repositories for you", Sensitivity: sdk.SensitivityMedium},
		{Name: "security_events", Title: "Read and change security alerts of your repositories", Sensitivity: sdk.SensitivityHigh},
		{Name: "write:repo_hook", Title: "Add and change webhooks of your repositories", Sensitivity: sdk.SensitivityHigh},
		{Name: "read:repo_hook", Title: "Read webhooks of your repositories", Sensitivity: sdk.SensitivityMedium},
		{Name: "admin:repo_hook", Title: "Add, change and delete webhooks of your repositories", Sensitivity: sdk.SensitivityHigh},
		{Name: "admin:org", Title: "Manage your organizations, their teams and members", Sensitivity: sdk.SensitivityHigh},
		{Name: "admin:org_hook", Title: "Add, change and delete webhooks of your organizations", Sensitivity: sdk.SensitivityHigh},
		{Name: "write:public_key", Title: "Add SSH keys to your account", Sensitivity: sdk.SensitivityHigh},
		{Name: "admin:public_key", Title: "Add and delete SSH keys of your account", Sensitivity: sdk.SensitivityHigh},
		{Name: "read:gpg_key", Title: "List your GPG keys", Sensitivity: sdk.SensitivityLow},
		{Name: "write:gpg_key", Title: "Add GPG keys to your account", Sensitivity: sdk.SensitivityHigh},
		{Name: "admin:gpg_key", Title: "Add and delete GPG keys of your account", Sensitivity: sdk.SensitivityHigh},
		{Name: "read:project", Title: "Read your projects", Sensitivity: sdk.SensitivityMedium},
		{Name: "read:discussion", Title: "Read team discussions", Sensitivity: sdk.SensitivityMedium},
		{Name: "write:discussion", Title: "Write and change team discussions", Sensitivity: sdk.SensitivityMedium},
		{Name: "delete:packages", Title: "Delete packages", Sensitivity: sdk.SensitivityHigh},
		{Name: "codespace", Title: "Create, use and delete your codespaces", Sensitivity: sdk.SensitivityHigh},
		{Name: "copilot", Title: "Manage Copilot seats of organizations and businesses that you own", Sensitivity: sdk.SensitivityHigh},
		{Name: "read:audit_log", Title: "Read the audit log of organizations that you own", Sensitivity: sdk.SensitivityHigh},
		{Name: "read:enterprise", Title: "Read the profile of enterprises that you belong to", Sensitivity: sdk.SensitivityMedium},
		{Name: "offline_access", Title: "Use tokens that expire after 8 hours and are renewed", Sensitivity: sdk.SensitivityLow},
	},
	Config: []sdk.ConfigField{
		{
			Key: "base_url", Label: "GitHub address", Kind: sdk.FieldURL, Default: baseOfGitHub,
			Description: "Change it for GitHub Enterprise Server.",
			Example:     "https://github.example.com", Pattern: `https?://[^\s?#@/]+(?:/[^\s?#@]*)?`,
		},
		{
			Key: "api_url", Label: "API address", Kind: sdk.FieldURL,
			Description: "Empty: https://api.github.com, or /api/v3 of GitHub Enterprise Server.",
			Example:     "https://github.example.com/api/v3", Pattern: `https?://[^\s?#@/]+(?:/[^\s?#@]*)?`,
		},
	},
	AllowedHosts:   []string{"github.com:443", "api.github.com:443"},
	APIs:           []string{"{api_url}"},
	SecretRequired: true,
	PublicDevice:   true,
	Redirect:       sdk.RedirectRule{AnyPort: true, AnyPath: true},
	Rotation:       sdk.RotationSingle,
	// A refresh token lives half a year, and each refresh gives a new one.
	RefreshIdleLife: 15897600 * time.Second,
	Revoke:          sdk.ReachToken,
	Remedies: map[sdk.Reason]string{
		sdk.ReasonRefreshExpired:      "Reauthorize. A refresh token of GitHub works once and for half a year; if it was used by another program, give that program an account of its own here.",
		sdk.ReasonRevoked:             "Reauthorize. The access was removed under Settings, Applications at GitHub, was not used for a year, or gave way to an eleventh token.",
		sdk.ReasonRefreshMissing:      "Reauthorize. If the app's tokens began to expire, its setting for expiring tokens was switched on at GitHub.",
		sdk.ReasonPolicy:              "Verify the e-mail address of the account at GitHub, or sign in to the organization, then reauthorize.",
		sdk.ReasonScopeMissing:        "Reauthorize with the scope that is missing. A GitHub App has permissions instead: its owner adds them in the app’s settings, and each account accepts them.",
		sdk.ReasonClientInvalid:       "Check client ID and client secret in the app’s settings at GitHub; a secret may have been deleted there.",
		sdk.ReasonProviderUninstalled: "Install the GitHub App again, then reauthorize.",
	},
	Sandbox: map[string]string{
		"base_url": "{sandbox}/github",
		"api_url":  "{sandbox}/github/api/v3",
	},
}
