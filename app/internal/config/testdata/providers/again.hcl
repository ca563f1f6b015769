provider "again" {
  name = "Again"
}

provider "again" {
  name = "And again"
}
