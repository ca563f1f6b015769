# SPDX-License-Identifier: Apache-2.0
# GitLab.com and self-managed GitLab.
# https://docs.gitlab.com/api/oauth2/

provider "gitlab" {
  name        = "GitLab"
  description = "Projects, issues, merge requests and repositories on GitLab.com or your own GitLab"
  icon        = file("gitlab.svg")
  docs_url    = "https://docs.gitlab.com/integration/oauth_provider/"
  console_url = "https://gitlab.com/-/user_settings/applications"
  setup_steps = [
    "Add a new application, on your own GitLab under the same menu.",
    "Paste the redirect URI that is shown here.",
    "Tick the scopes that you want; without read_user the account cannot be named.",
    "Leave Confidential ticked and copy the secret, or untick it and leave the secret empty.",
  ]

  config "base_url" {
    label       = "GitLab address"
    description = "Where your GitLab is. One in a private network is set up in the configuration file, not here."
    example     = "https://gitlab.example.com"
    pattern     = "https?://[^\\s?#@/]+(?:/[^\\s?#@]*)?"
    default     = "https://gitlab.com"
    kind        = "url"
  }

  scope "read_user" {
    title       = "Read your profile"
    required    = true
    sensitivity = "low"
  }
  scope "api" {
    title       = "Read and change everything that you can"
    sensitivity = "high"
  }
  scope "read_api" {
    title       = "Read everything that you can"
    sensitivity = "high"
  }
  scope "read_repository" {
    title       = "Read repositories"
    sensitivity = "high"
  }
  scope "write_repository" {
    title       = "Push to repositories"
    sensitivity = "high"
  }
  scope "openid" {
    title       = "Prove who you are"
    sensitivity = "low"
  }
  scope "profile" {
    title       = "Read your name and picture"
    sensitivity = "low"
  }
  scope "email" {
    title       = "Read your e-mail address"
    sensitivity = "low"
  }

  # Below this its API takes the token: what apps may call through the hub.
  apis = ["{base_url}/api/v4"]
  # https://docs.gitlab.com/api/users/: its own uploads, else Gravatar's.
  picture_hosts = ["secure.gravatar.com:443"]

  authorize_url = "{base_url}/oauth/authorize"
  token_url     = "{base_url}/oauth/token"
  # Since GitLab 17.1; an older one answers 404.
  device_url = "{base_url}/oauth/authorize_device"

  # A refresh ends both old tokens, and is refused without the redirect URI.
  rotation       = "single_use"
  refresh_params = { redirect_uri = "{redirect_uri}" }

  revoke = "token"
  revocation {
    url = "{base_url}/oauth/revoke"
  }

  # The redirect URI is compared exactly.
  redirect {}

  identity {
    url     = "{base_url}/api/v4/user"
    issuer  = "{base_url}"
    subject = "id"
    login   = "username"
    name    = "name"
    email   = "email"
    picture = "avatar_url"
  }

  error {
    on      = ["refresh"]
    code    = "invalid_grant"
    as      = "reauthorization_required"
    reason  = "unknown_permanent"
    message = "GitLab no longer takes the refresh token: access was withdrawn, or the token was used already"
  }
  error {
    on     = ["identify"]
    status = 403
    code   = "insufficient_scope"
    as     = "reauthorization_required"
    reason = "consent_scope_missing"
  }
}
