terraform {
  required_providers {
    isolab = {
      source = "isolab/isolab"
    }
  }
}
