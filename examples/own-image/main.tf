# A project without a stack: an image of your own from a private registry, with its variables, volumes and a published port.

terraform {
  required_providers {
    isolab = {
      source = "isolab/isolab"
    }
  }
}

variable "registry_auth" {
  description = "Credentials by registry host. Set TF_VAR_registry_auth to keep them out of files."
  type = map(object({
    username = string
    password = string
  }))
  default   = {}
  sensitive = true
}

variable "image" {
  description = "The application's image."
  type        = string
  default     = "registry.example.com/team/api:1.4.2"
}

provider "isolab" {
  registry_auth = var.registry_auth
}

resource "isolab_project" "api" {
  name  = "api"
  phase = "deployment"
}

resource "isolab_environment" "api" {
  project     = isolab_project.api
  name        = "api"
  kind        = "deployment"
  image       = var.image
  pull_policy = "missing"
  command     = ["serve", "--listen", ":3000"]
  port        = 3000
  workspace   = "" # the image brings everything: the project's workspace is not mounted

  variables = {
    LOG_LEVEL = "info"
    DATA_DIR  = "/data"
  }

  # The root filesystem stays read-only; these paths can be written.
  volumes = {
    data = { path = "/data" }
  }
  tmpfs = {
    "/run" = "16MiB"
  }

  limits = {
    cpus   = 0.5
    memory = "512MiB"
    pids   = 128
  }

  health_check = {
    test         = ["CMD", "/usr/local/bin/api", "health"]
    interval     = "10s"
    timeout      = "3s"
    start_period = "20s"
    retries      = 3
  }

  log = {
    max_size  = "10MiB"
    max_files = 3
  }

  # A free port of the host's loopback address; which one is known after apply. An internal network cannot publish.
  egress = true
  publish = {
    http = { port = 3000 }
  }
}

output "address" {
  description = "Where the published port is on the host."
  value       = isolab_environment.api.published_ports
}
