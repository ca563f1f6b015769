// SPDX-License-Identifier: Apache-2.0

package sandbox

// gitHubScopes are those that the sandbox knows. Others are left out of what
// is granted, as GitHub does.
var gitHubScopes = []scopeText{
	{Name: "repo", Title: "Repositories", Detail: "Read and write code, issues and pull requests of public and private repositories"},
	{Name: "public_repo", Title: "Public repositories", Detail: "Read and write code, issues and pull requests of public repositories"},
	{Name: "workflow", Title: "Workflows", Detail: "Change GitHub Actions workflow files"},
	{Name: "gist", Title: "Gists", Detail: "Create and change gists"},
	{Name: "notifications", Title: "Notifications", Detail: "Read notifications and mark them as read"},
	{Name: "read:org", Title: "Organizations and teams", Detail: "Read-only access to memberships"},
	{Name: "write:org", Title: "Organizations and teams", Detail: "Change memberships"},
	{Name: "project", Title: "Projects", Detail: "Read and write projects"},
	{Name: "read:packages", Title: "Packages", Detail: "Download packages"},
	{Name: "write:packages", Title: "Packages", Detail: "Publish packages"},
	{Name: "user", Title: "Personal user data", Detail: "Read and change the profile"},
	{Name: "read:user", Title: "Personal user data", Detail: "Read the profile"},
	{Name: "user:email", Title: "E-mail addresses", Detail: "Read all e-mail addresses"},
	{Name: "user:follow", Title: "Followers", Detail: "Follow and unfollow people"},
	{Name: "read:public_key", Title: "SSH keys", Detail: "List SSH keys"},
	{Name: "delete_repo", Title: "Repositories", Detail: "Delete repositories"},
	{Name: "offline_access", Title: "Stay connected", Detail: "Renew the access without asking again"},
}
