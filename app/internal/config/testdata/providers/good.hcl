provider "good" {
  name = "Good"
}
