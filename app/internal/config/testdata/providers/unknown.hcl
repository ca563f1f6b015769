provider "unknown" {
  authorise_url = "https://x.example"
  pkce          = "S256"
  rotation      = single_use
  grace_window  = "half an hour"

  scope {
    title = "No name"
  }
  scope "a" {
    tittle = "A"
  }
  scope "a" {}

  error {
    on     = ["refesh"]
    status = "404"
    as     = "reauthorize"
  }

  identity {
    subject = ["id"]
  }
  identity {}

  revocation {
    gone = [404.5]
  }

  icon = file("nothing.svg")
}
