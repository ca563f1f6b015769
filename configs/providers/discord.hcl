# SPDX-License-Identifier: Apache-2.0
# Discord. https://discord.com/developers/docs/topics/oauth2

provider "discord" {
  name        = "Discord"
  description = "A Discord account and the servers that it is in"
  icon        = file("discord.svg")
  docs_url    = "https://discord.com/developers/docs/topics/oauth2"
  console_url = "https://discord.com/developers/applications"
  setup_steps = [
    "Create a new application and open its page OAuth2.",
    "Add the redirect URI that is shown here.",
    "Copy the client id, and reset the client secret to see it.",
  ]

  scope "identify" {
    title       = "Read your name and picture"
    required    = true
    sensitivity = "low"
  }
  scope "email" {
    title       = "Read your e-mail address"
    sensitivity = "low"
  }
  scope "guilds" {
    title       = "See which servers you are in"
    sensitivity = "low"
  }
  scope "guilds.join" {
    title       = "Join servers for you"
    sensitivity = "high"
  }
  scope "guilds.members.read" {
    title       = "Read your profile on your servers"
    sensitivity = "low"
  }
  scope "connections" {
    title       = "See accounts that you linked to Discord"
    sensitivity = "medium"
  }
  scope "webhook.incoming" {
    title       = "Add a webhook to a channel that you choose"
    sensitivity = "medium"
  }

  # Below this its API takes the token: what apps may call through the hub.
  apis = ["https://discord.com/api"]

  picture_hosts = ["cdn.discordapp.com:443"]

  authorize_url    = "https://discord.com/oauth2/authorize"
  token_url        = "https://discord.com/api/oauth2/token"
  client_auth      = "basic"
  authorize_params = { prompt = "consent" }

  # Discord documents a device flow for approved console games only.

  # The redirect URI is compared exactly.
  redirect {}

  # A week of life, and a new refresh token each time.
  rotation = "single_use"

  # Whichever token is revoked, all of that authorization die with it.
  revoke = "grant"
  revocation {
    url = "https://discord.com/api/oauth2/token/revoke"
  }

  identity {
    url     = "https://discord.com/api/v10/users/@me"
    error   = "code"
    issuer  = "https://discord.com"
    subject = "id"
    login   = "username"
    name    = "global_name|username"
    email   = "email"
    # https://docs.discord.com/developers/reference#image-formatting
    picture = "https://cdn.discordapp.com/avatars/{id}/{avatar}.png?size=128"
  }

  error {
    on     = ["identify"]
    status = 401
    as     = "reauthorization_required"
    reason = "revoked_by_user"
  }
  error {
    status = 429
    as     = "rate_limited"
  }
}
