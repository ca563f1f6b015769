// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/standpipe/standpipe/sdk"

var descriptor = sdk.Descriptor{
	Slug:        "github",
	Name:        "GitHub",
	Description: "Read and change repositories, issues and pull requests as you.",
	Icon:        icon,
	DocsURL:     "https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps",
	ConsoleURL:  "https://github.com/settings/developers",
	SetupSteps: []string{
		"Open Settings, Developer settings, OAuth Apps at GitHub and choose “New OAuth App”.",
		"Give it a name and a homepage that you will recognise; both are shown when you connect.",
		"Paste the redirect URI shown here as the authorization callback URL.",
		"Register the app, generate a client secret, and enter client ID and client secret here.",
		"For tokens that expire after 8 hours and renew themselves, ask for the scope offline_access or use a GitHub App.",
	},
	Scopes: []sdk.Scope{
		{Name: "read:user", Title: "Read your profile", Default: true},
		{Name: "user:email", Title: "Read your e-mail addresses", Default: true},
		{Name: "repo", Title: "Read and change your public and private repositories", Default: true},
		{Name: "public_repo", Title: "Read and change your public repositories only"},
		{Name: "workflow", Title: "Change GitHub Actions workflow files"},
		{Name: "gist", Title: "Create and change your gists"},
		{Name: "notifications", Title: "Read your notifications and mark them as read"},
		{Name: "read:org", Title: "Read your membership in organizations and teams"},
		{Name: "write:org", Title: "Change your membership in organizations and teams"},
		{Name: "project", Title: "Read and change your projects"},
		{Name: "read:packages", Title: "Download packages"},
		{Name: "write:packages", Title: "Publish packages"},
		{Name: "user", Title: "Read and change your profile"},
		{Name: "user:follow", Title: "Follow and unfollow people for you"},
		{Name: "read:public_key", Title: "List your SSH keys"},
		{Name: "delete_repo", Title: "Delete your repositories"},
		{Name: "offline_access", Title: "Use tokens that expire after 8 hours and are renewed"},
	},
	Config: []sdk.ConfigField{
		{
			Key: "base_url", Label: "GitHub address", Kind: sdk.FieldURL, Default: baseOfGitHub,
			Description: "Change it for GitHub Enterprise Server.",
			Example:     "https://github.example.com", Pattern: `https?://[^\s?#]+`,
		},
		{
			Key: "api_url", Label: "API address", Kind: sdk.FieldURL,
			Description: "Empty: https://api.github.com, or /api/v3 of GitHub Enterprise Server.",
			Example:     "https://github.example.com/api/v3", Pattern: `https?://[^\s?#]+`,
		},
	},
	AllowedHosts:   []string{"github.com:443", "api.github.com:443"},
	SecretRequired: true,
	Redirect:       sdk.RedirectRule{AnyPort: true, AnyPath: true},
	Rotation:       sdk.RotationSingle,
	Revoke:         sdk.ReachToken,
	Sandbox: map[string]string{
		"base_url": "{sandbox}/github",
		"api_url":  "{sandbox}/github/api/v3",
	},
}
