resource "isolab_gateway" "edge" {
  name = "edge"
}

resource "isolab_project" "shop" {
  name  = "shop"
  stack = "node"
  phase = "development"
}

resource "isolab_environment" "dev" {
  project = isolab_project.shop
  name    = "dev"
  kind    = "development"
}

# http://<host>:8080/projects/shop/
resource "isolab_route" "dev" {
  gateway     = isolab_gateway.edge.name
  project     = isolab_project.shop
  environment = isolab_environment.dev.name
  websocket   = true

  # Requests per second, and how many more may come at once.
  rate_limit = {
    project       = 200
    project_burst = 400
    client        = 20
    client_burst  = 40
  }
}
