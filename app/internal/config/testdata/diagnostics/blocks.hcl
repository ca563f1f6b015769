log = { level = "debug" }

plugins "x" {
  idle = "1s"
}

plugins {
  idle = "2s"
}

mode {
}

listen    = "127.0.0.1:4000"
ui_listen = "127.0.0.1:4000"
