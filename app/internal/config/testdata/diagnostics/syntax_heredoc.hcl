integration "github" {
  client_secret = <<E
s3cr3t-canary
}
