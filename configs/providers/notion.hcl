# SPDX-License-Identifier: Apache-2.0
# Notion. https://developers.notion.com/docs/authorization

provider "notion" {
  name        = "Notion"
  description = "The pages and databases of a Notion workspace that you choose while connecting"
  icon        = file("notion.svg")
  docs_url    = "https://developers.notion.com/docs/authorization"
  console_url = "https://www.notion.so/profile/integrations"
  setup_steps = [
    "Create a new integration of the type Public.",
    "Paste the redirect URI that is shown here.",
    "Choose its capabilities: Notion knows no scopes, they belong to the integration.",
    "Copy the OAuth client id and the OAuth client secret.",
  ]

  # Below this its API takes the token: what apps may call through the hub.
  apis = ["https://api.notion.com"]
  # https://developers.notion.com/reference/user; of who signed in with Google, Google's.
  picture_hosts = ["secure.notion-static.com:443", "s3-us-west-2.amazonaws.com:443", "lh3.googleusercontent.com:443"]

  authorize_url    = "https://api.notion.com/v1/oauth/authorize"
  token_url        = "https://api.notion.com/v1/oauth/token"
  authorize_params = { owner = "user" }
  headers          = { "Notion-Version" = "2025-09-03" }
  client_auth      = "basic"
  token_format     = "json"
  secret_required  = true
  # The token endpoint has no place for a code_verifier.
  pkce = "never"

  # Plain http is taken for localhost only, and compared exactly.
  redirect {
    host = "localhost"
  }

  revoke = "token"
  revocation {
    url    = "https://api.notion.com/v1/oauth/revoke"
    auth   = "basic"
    format = "json"
    params = { token = "{token}" }
    kinds  = ["access_token"]
  }

  answer {
    # There is no expires_in: a token lives until it is refreshed or withdrawn.
    error      = "error|code"
    error_text = "error_description|message"
    metadata = {
      workspace_id   = "workspace_id"
      workspace_name = "workspace_name"
      bot_id         = "bot_id"
    }
  }

  # The token answer names the person; an integration that belongs to a whole
  # workspace has only its bot.
  identity {
    from    = "token"
    issuer  = "https://api.notion.com"
    subject = "owner.user.id|bot_id"
    tenant  = "workspace_id"
    login   = "owner.user.person.email|workspace_name"
    name    = "owner.user.name|workspace_name"
    email   = "owner.user.person.email"
    picture = "owner.user.avatar_url"
  }

  # https://developers.notion.com/reference/status-codes
  error {
    code   = "unauthorized"
    as     = "reauthorization_required"
    reason = "revoked_by_user"
  }
  error {
    code   = "restricted_resource"
    as     = "reauthorization_required"
    reason = "consent_scope_missing"
  }
  error {
    code = "rate_limited"
    as   = "rate_limited"
  }
  error {
    code = "conflict_error"
    as   = "temporary"
  }
  error {
    code = "internal_server_error"
    as   = "temporary"
  }
  error {
    code = "service_unavailable"
    as   = "temporary"
  }
}
