integration "github" {
  client_id     = "Iv1.0123456789abcdef"
  client_secret = "s3cr3t-canary"
}

integration "slack" {
  client_id     = "1"
  client_secret = <<SECRET
s3cr3t-canary
SECRET
}
