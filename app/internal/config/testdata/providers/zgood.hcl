provider "good" {
  name = "Another good one"
}
