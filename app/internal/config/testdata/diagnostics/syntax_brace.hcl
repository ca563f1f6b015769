listen = 127.0.0.1:4780 # s3cr3t-canary
integration "github" {
  description = "x" client_secret = "s3cr3t-canary"
