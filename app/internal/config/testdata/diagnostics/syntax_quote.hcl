integration "github" {
  client_id     = "1"
  client_secret = "s3cr3t-canary
  enabled       = true
}
