mode      = "prodction"
listen    = "0.0.0.0:4780"
ui_listen = "127.0.0.1:99999"
base_url  = "http://hub.example.com/path"
sandbox   = "127.0.0.1:4790"

log {
  level = "verbose"
}

plugins {
  idle = "five minutes"
}

integration "github" {
  client_id = 17
  enabled   = "perhaps"
  scopes    = "repo"
  network   = "home"
  config    = { base_url = ["a"] }
}
