# SPDX-License-Identifier: Apache-2.0
# Linear. https://linear.app/developers/oauth-2-0-authentication

provider "linear" {
  name        = "Linear"
  description = "Issues, projects and comments of a Linear workspace"
  icon        = file("linear.svg")
  docs_url    = "https://linear.app/developers/oauth-2-0-authentication"
  console_url = "https://linear.app/settings/api/applications/new"
  setup_steps = [
    "Create a new OAuth application in the workspace that shall own it.",
    "Paste the redirect URI that is shown here as a callback URL.",
    "Copy the client id and the client secret.",
  ]

  scope "read" {
    title       = "Read what you can see in the workspace"
    required    = true
    sensitivity = "medium"
  }
  scope "write" {
    title       = "Change what you can change in the workspace"
    sensitivity = "high"
  }
  scope "issues:create" {
    title       = "Create issues"
    sensitivity = "medium"
  }
  scope "comments:create" {
    title       = "Comment on issues"
    sensitivity = "medium"
  }
  scope "timeSchedule:write" {
    title       = "Change time schedules"
    sensitivity = "medium"
  }
  scope "admin" {
    title       = "Administer the workspace"
    sensitivity = "high"
  }

  # Below this its API takes the token: what apps may call through the hub.
  apis = ["https://api.linear.app"]

  picture_hosts = ["public.linear.app:443", "uploads.linear.app:443"]

  authorize_url   = "https://linear.app/oauth/authorize"
  token_url       = "https://api.linear.app/oauth/token"
  scope_separator = ","
  # Without it a workspace that was chosen once is taken again, unasked.
  select_account_params = { prompt = "consent" }
  reconnect_params      = { prompt = "consent" }

  # The redirect URI is compared exactly.
  redirect {}

  # Apps made before October 2025 may still answer without a refresh token.
  rotation     = "single_use"
  grace_window = "30m"

  revoke = "token"
  revocation {
    url = "https://api.linear.app/oauth/revoke"
  }

  # GraphQL answers errors with status 200 or 400, in a list.
  identity {
    url     = "https://api.linear.app/graphql"
    method  = "POST"
    headers = { "Content-Type" = "application/json" }
    body    = "{\"query\":\"{ viewer { id name displayName email avatarUrl } organization { id urlKey name } }\"}"
    error   = "errors.0.extensions.code"
    issuer  = "https://linear.app"
    subject = "data.viewer.id"
    tenant  = "data.organization.id"
    login   = "data.viewer.displayName"
    name    = "data.viewer.name"
    email   = "data.viewer.email"
    picture = "data.viewer.avatarUrl"
  }

  error {
    on     = ["identify"]
    code   = "AUTHENTICATION_ERROR"
    as     = "reauthorization_required"
    reason = "revoked_by_user"
  }
  error {
    on     = ["identify"]
    code   = "FORBIDDEN"
    as     = "reauthorization_required"
    reason = "consent_scope_missing"
  }
  error {
    on   = ["identify"]
    code = "RATELIMITED"
    as   = "rate_limited"
  }
}
