terraform {
  required_providers {
    isolab = {
      source = "isolab/isolab"
    }
  }
}

# Without host or context: DOCKER_HOST, then the current Docker context, then the local socket.
provider "isolab" {
  address_pool = {
    cidr          = "10.96.0.0/12"
    prefix_length = 26
  }

  default_labels = {
    team = "platform"
  }
}
