integration "github" {
  client_secret = 's3cr3t-canary'
}
