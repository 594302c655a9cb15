# Every project on the engine, whichever workspace made it.
data "isolab_projects" "all" {}

# Filters add up: a project must match all of them.
data "isolab_projects" "deployed" {
  phase = "deployment"
  stack = "node"

  labels = {
    owner = "web"
  }
}

output "deployed" {
  value = data.isolab_projects.deployed.namespaces
}

output "subnets" {
  value = { for project in data.isolab_projects.all.projects : project.namespace => project.subnet }
}
