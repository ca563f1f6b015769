listen = "nowhere" # s3cr3t-canary
integration "github" {
  client_id = "1"
  config    = { base_url = 1, api_token = "s3cr3t-canary" } // s3cr3t-canary
  nonsense  = 1             /* s3cr3t-canary */
}
