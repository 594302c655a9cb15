variable "model_key" {
  type      = string
  ephemeral = true # never in a plan
  default   = "only-an-example"
}

resource "isolab_project" "shop" {
  name  = "shop"
  stack = "node"
  phase = "planning"
}

# Absent while the project is created, running from planning on, asleep while it is paused.
resource "isolab_agent" "reviewer" {
  project = isolab_project.shop
  name    = "reviewer"
  role    = "code review"
  image   = "registry.example.com/agents/reviewer:3"

  secrets_wo         = { MODEL_KEY = var.model_key }
  secrets_wo_version = 1

  limits = {
    cpus   = 0.5
    memory = "512MiB"
  }
}
