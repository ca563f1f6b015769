provder "x" {}
name = "x"
provider "Bad Slug" {}
provider {}
