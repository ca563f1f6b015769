// SPDX-License-Identifier: Apache-2.0

package sandbox

import "slices"

// scopeText is what GitHub's consent page says of a scope, in two lines.
type scopeText struct{ Name, Title, Detail string }

// gitHubScopes are those that the sandbox knows. Others are left out of what
// is granted, as GitHub does.
var gitHubScopes = []scopeText{
	{"repo", "Repositories", "Read and write code, issues and pull requests of public and private repositories"},
	{"public_repo", "Public repositories", "Read and write code, issues and pull requests of public repositories"},
	{"workflow", "Workflows", "Change GitHub Actions workflow files"},
	{"gist", "Gists", "Create and change gists"},
	{"notifications", "Notifications", "Read notifications and mark them as read"},
	{"read:org", "Organizations and teams", "Read-only access to memberships"},
	{"write:org", "Organizations and teams", "Change memberships"},
	{"project", "Projects", "Read and write projects"},
	{"read:packages", "Packages", "Download packages"},
	{"write:packages", "Packages", "Publish packages"},
	{"user", "Personal user data", "Read and change the profile"},
	{"read:user", "Personal user data", "Read the profile"},
	{"user:email", "E-mail addresses", "Read all e-mail addresses"},
	{"user:follow", "Followers", "Follow and unfollow people"},
	{"read:public_key", "SSH keys", "List SSH keys"},
	{"delete_repo", "Repositories", "Delete repositories"},
	{"offline_access", "Stay connected", "Renew the access without asking again"},
}

// knownScopes keeps the scopes that exist, once each, in their order.
func knownScopes(asked []string) []string {
	out := []string{}
	for _, name := range asked {
		if !slices.Contains(out, name) && slices.ContainsFunc(gitHubScopes, func(s scopeText) bool { return s.Name == name }) {
			out = append(out, name)
		}
	}
	return out
}

func inWords(scopes []string) []scopeText {
	var out []scopeText
	for _, s := range gitHubScopes {
		if slices.Contains(scopes, s.Name) {
			out = append(out, s)
		}
	}
	return out
}
