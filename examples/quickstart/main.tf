# A gateway and two projects on one Docker engine: each has a room of its own, and all share the way in.

terraform {
  required_providers {
    isolab = {
      source = "isolab/isolab"
    }
  }
}

# Without host or context: DOCKER_HOST, then the current Docker context, then the local socket.
provider "isolab" {
  images = var.images
}

resource "isolab_gateway" "edge" {
  name      = "edge"
  http_port = var.http_port
}

# A Node.js project. Entering the phase development fills its workspace with a skeleton that runs.
resource "isolab_project" "shop" {
  name        = "shop"
  stack       = "node"
  phase       = var.phase
  data_policy = "delete"
}

# The whole project is passed on: a change of its phase plans the start or stop of everything that belongs to it.
resource "isolab_environment" "shop" {
  project = isolab_project.shop
  kind    = "development"
}

resource "isolab_route" "shop" {
  gateway     = isolab_gateway.edge.name
  project     = isolab_project.shop
  environment = isolab_environment.shop.name
}

# A project of static pages, which shop can neither see nor reach.
resource "isolab_project" "blog" {
  name        = "blog"
  stack       = "static"
  phase       = var.phase
  data_policy = "delete"
}

resource "isolab_environment" "blog" {
  project = isolab_project.blog
  kind    = "development"
}

resource "isolab_route" "blog" {
  gateway     = isolab_gateway.edge.name
  project     = isolab_project.blog
  environment = isolab_environment.blog.name
}
