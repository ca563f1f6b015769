mode    = "desktop"
listten = "127.0.0.1:4780"

integratoin "github" {
}

integration "slack" {
  client_id    = "1"
  clientsecret = "s3cr3t-canary"
  scope        = ["s3cr3t-canary"]
}
