# Many projects from one map: each with its own room, its own phase and its own path on one gateway.

terraform {
  required_providers {
    isolab = {
      source = "isolab/isolab"
    }
  }
}

provider "isolab" {}

variable "projects" {
  description = "The projects of this host by name. Moving one to another phase is a change of one word here."
  type = map(object({
    stack = string
    phase = string
  }))
  default = {
    shop = { stack = "node", phase = "deployment" }
    blog = { stack = "static", phase = "development" }
    lab  = { stack = "python", phase = "paused" }
  }
}

resource "isolab_gateway" "edge" {
  name = "edge"
}

resource "isolab_project" "all" {
  for_each = var.projects

  name  = each.key
  stack = each.value.stack
  phase = each.value.phase
}

# Environments are declared once; the phase decides which of them exist and which run.
resource "isolab_environment" "development" {
  for_each = isolab_project.all

  project = each.value
  kind    = "development"
}

resource "isolab_environment" "deployment" {
  for_each = isolab_project.all

  project = each.value
  kind    = "deployment"
}

resource "isolab_route" "development" {
  for_each = isolab_project.all

  gateway     = isolab_gateway.edge.name
  project     = each.value
  environment = isolab_environment.development[each.key].name
  path        = "/projects/${each.key}/dev/"
}

resource "isolab_route" "deployment" {
  for_each = isolab_project.all

  gateway     = isolab_gateway.edge.name
  project     = each.value
  environment = isolab_environment.deployment[each.key].name
}

output "status" {
  description = "What each project's environments do in its present phase."
  value = {
    for name in keys(var.projects) : name => {
      development = isolab_environment.development[name].status
      deployment  = isolab_environment.deployment[name].status
    }
  }
}
