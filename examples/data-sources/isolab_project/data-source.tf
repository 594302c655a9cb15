# Most often another workspace owns the project; it stands here so that the example is complete.
resource "isolab_project" "shop" {
  name  = "shop"
  stack = "node"
  phase = "development"
}

data "isolab_project" "shop" {
  namespace  = "shop"
  depends_on = [isolab_project.shop]
}

# What was read serves wherever a project is expected.
resource "isolab_environment" "preview" {
  project = data.isolab_project.shop
  name    = "preview"
  kind    = "development"
}

output "history" {
  description = "Every phase the project entered, oldest first."
  value       = data.isolab_project.shop.history
}
