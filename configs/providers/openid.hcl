# SPDX-License-Identifier: Apache-2.0
# Any OpenID Connect provider that has a discovery document: Keycloak, Authentik,
# Zitadel, Okta, Auth0 … https://openid.net/specs/openid-connect-discovery-1_0.html

provider "openid" {
  name        = "OpenID Connect"
  description = "An account at any OpenID Connect provider, found by its issuer"
  icon        = file("openid.svg")
  docs_url    = "https://openid.net/developers/how-connect-works/"
  setup_steps = [
    "Register a client for the authorization code flow at your provider, with PKCE where it asks.",
    "Add the redirect URI that is shown here.",
    "Copy the client id, and the client secret where there is one.",
    "Enter the issuer exactly as its discovery document names it. Its endpoints must be on the same host.",
  ]

  config "issuer" {
    label       = "Issuer"
    description = "The address below which /.well-known/openid-configuration is"
    example     = "https://login.example.com/realms/main"
    pattern     = "https?://[^\\s?#@/]+(?:/[^\\s?#@]*)?"
    required    = true
    kind        = "url"
  }
  config "client_auth" {
    label       = "Client authentication"
    description = "How the client secret is sent: body (client_secret_post) or basic (client_secret_basic). Empty: as the issuer says that it takes it, in the body where it takes both. Some take only the one that the client is registered with."
    example     = "basic"
    pattern     = "body|basic"
  }

  scope "openid" {
    title       = "Prove who you are"
    required    = true
    sensitivity = "low"
  }
  scope "profile" {
    title       = "Read your name and picture"
    default     = true
    sensitivity = "low"
  }
  scope "email" {
    title       = "Read your e-mail address"
    default     = true
    sensitivity = "low"
  }
  scope "offline_access" {
    title       = "Stay connected while you are away"
    default     = true
    sensitivity = "medium"
  }

  issuer = "{issuer}"
  # Beside the issuer's host, where most keep the claim picture (OpenID Connect
  # Core section 5.1), and of who signed in there with Google.
  picture_hosts = ["secure.gravatar.com:443", "www.gravatar.com:443", "s.gravatar.com:443", "lh3.googleusercontent.com:443"]
  # RFC 9126, where the discovery document names an endpoint for it.
  pushed_requests = true
  # OpenID Connect Core section 11: offline_access is granted with this prompt
  # only. Others, such as select_account, are errors to some providers.
  authorize_params = { prompt = "consent" }

  # RFC 8252: the loopback address; most providers compare it exactly.
  redirect {}

  # The discovered endpoint (RFC 7009).
  revoke = "token"
  revocation {}

  # Subject, name and e-mail are read from the verified ID token.
  identity {
    from = "id_token"
  }

  # Keycloak says it in words.
  error {
    on     = ["refresh"]
    code   = "invalid_grant"
    text   = "session not active"
    as     = "reauthorization_required"
    reason = "refresh_token_expired"
  }
  error {
    on     = ["refresh"]
    code   = "invalid_grant"
    text   = "token is not active"
    as     = "reauthorization_required"
    reason = "refresh_token_expired"
  }
  error {
    on     = ["refresh"]
    code   = "invalid_grant"
    text   = "offline user session not found"
    as     = "reauthorization_required"
    reason = "revoked_by_user"
  }
}
