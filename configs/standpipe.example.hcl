# SPDX-License-Identifier: Apache-2.0
#
# Copy it to ~/.config/standpipe/standpipe.hcl and change what you need. Every
# setting may be left out, and so may the file. `standpipe config check` tells
# what is wrong with it. docs/configuration.md explains each setting.

# What this hub is for: "desktop", "server" or "production". Production refuses
# sandbox credentials.
mode = "desktop"

# The app API and the callbacks. Only an address of this machine is taken. The
# port is a part of every redirect URI that you register.
listen = "127.0.0.1:4780"

# The web UI of `standpipe serve`, on an address of its own.
ui_listen = "127.0.0.1:4781"

# The https address of a proxy in front, where there is one.
base_url = ""

# Where `standpipe sandbox` listens. Empty: no sandbox.
sandbox = "http://127.0.0.1:4790"

# Whose programs may connect to these ports: "same_user", or "any" user of this
# machine. Without it, "any" where mode is not "desktop" or base_url is set.
peers = "same_user"

# Fetch the pictures of accounts from where their providers keep them. Without
# them there are initials.
avatars = true

log {
  level = "info" # debug, info, warn or error
}

metrics {
  # Where a Prometheus on this machine reads /metrics: latencies and outcomes,
  # no account. "" means nowhere; "127.0.0.1:4782" would do.
  listen = ""
}

plugins {
  idle = "5m" # a plugin without work is stopped after that
}

vault {
  # Keep what a reset of lost keys can begin from, under a key of its own.
  inventory = true
}

approvals {
  timeout = "2m" # a question that nobody answers is denied after that
}

# When the hub locks by itself. With this block, the window cannot change it.
lock {
  idle    = "0s" # without anybody using it for so long; "0s": never
  screen  = false # with the screen
  suspend = false # before the machine sleeps

  # "stop": no token is refreshed while the hub is locked, and a refresh token
  # that dies when it is not used can die. "keep": refreshing goes on, for which
  # the keys stay in memory.
  background = "stop"
}

# A policy answers for you, on a machine without a person. The first that fits
# counts; one that denies holds against everything that was granted.
policy "nightly-job" {
  app          = "nightly" # its id, or its name where no other app has it
  integration  = "github-work"
  connection   = "data_installation_01J0000000000000000000000" # any, where left out
  scopes       = ["read:org"]                                  # at most these
  accept_wider = true                                          # where the provider cannot narrow a token
  audience     = "https://api.example.com/"                    # tokens for this resource server only
  decision     = "allow"
}

policy "never-slack" {
  app         = "nightly"
  integration = "slack"
  decision    = "deny"
}

# Pages of your own product that may embed <standpipe-connect> (docs/embed.md),
# by their exact origins.
embed {
  origins = ["https://app.example.com"]
}

# An integration makes a provider available. Its name is a part of the redirect
# URI: http://127.0.0.1:4780/callback/github
integration "github" {
  # Whose OAuth client: "own" (an app that you registered), "public" (a client id
  # without a secret) or "sandbox" (a simulation on this machine).
  credentials = "sandbox"
  description = "To try things out"
}

# A second integration of the same provider, with an OAuth app of your own.
integration "github-work" {
  provider  = "github"
  client_id = "Iv1.0123456789abcdef"

  # Where the secret is; the file needs mode 0600. A path may begin with ~/, and
  # is else relative to this file. Others: keychain("github-work"), or
  # keychain("service", "account"). env("NAME") and the secret itself in quotes
  # work too, and are warned about.
  client_secret = file("github-work.secret")

  # Instead of the provider's default scopes.
  scopes = ["repo", "read:org"]
  # Resource servers (RFC 8707) for which tokens can be drawn one by one, at a
  # provider that issues such tokens.
  audiences   = ["https://api.example.com/"]
  description = "GitHub Enterprise at work"
  enabled     = true

  # "private" lets calls go to addresses of the local network.
  network = "private"

  # Settings of the provider; `standpipe providers` lists them.
  config = {
    base_url = "https://ghe.example.com"
  }
}
