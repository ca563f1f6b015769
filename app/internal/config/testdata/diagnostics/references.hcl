integration "a" {
  client_id     = "1"
  client_secret = file("no-such.secret")
}

integration "b" {
  client_id     = "1"
  client_secret = env("STANDPIPE_TEST_UNSET")
}

integration "c" {
  client_id     = "1"
  client_secret = keychain("nothing-there")
}

integration "d" {
  client_id     = "1"
  client_secret = flie("x")
}

integration "e" {
  client_id     = "1"
  client_secret = file()
}

integration "f" {
  client_id     = "1"
  client_secret = file("a", "b")
}

integration "g" {
  client_id     = "1"
  client_secret = s3cr3t-canary
}

integration "h" {
  client_id     = "1"
  client_secret = "${s3cr3t-canary}"
}

integration "i" {
  client_id     = "1"
  client_secret = ""
}

integration "j" {
  client_id     = "1"
  client_secret = file(".")
}

integration "k" {
  client_id     = "1"
  client_secret = env("A B")
}
