resource "isolab_project" "shop" {
  name  = "shop"
  stack = "node"
  phase = "development"
}

# Image, command, port, health check, limits and hardening come with the stack and the kind.
resource "isolab_environment" "dev" {
  project = isolab_project.shop
  name    = "dev"
  kind    = "development"

  # Not needed while the project is tested.
  active_phases = ["development"]
}

# Stopped while the project is in development, started by phase = "testing".
resource "isolab_environment" "testing" {
  project = isolab_project.shop
  kind    = "testing"

  limits = {
    cpus   = 1.5
    memory = "1GiB"
    pids   = 256
  }

  variables = {
    CI = "true"
  }
}

# Created when the project reaches testing, started by phase = "deployment".
resource "isolab_environment" "production" {
  project  = isolab_project.shop
  name     = "production"
  kind     = "deployment"
  replicas = 2

  # One container after the other: the new one is healthy before the old one goes, or goes itself.
  update = {
    strategy         = "rolling"
    wait_for_healthy = true
    rollback         = true
  }

  timeouts = {
    update = "10m"
  }
}
