mode = "production"

integration "GitHub" {
  client_id = "1"
}

integration "github" {
  client_id = "1"
}

integration "github" {
  client_id = "2"
}

integration "slack" {
}

integration "google" {
  credentials = "sandbox"
}

integration "salesforce" {
  credentials   = "public"
  client_secret = "s3cr3t-canary"
}

integration "a" "b" {
}

integration "linear" {
  credentials = own
  provider    = "../linear"
}
