# A gateway on HTTPS with a host name for every project, a canary, and a route that only the team gets to.

terraform {
  required_version = ">= 1.11" # for write-only attributes
  required_providers {
    isolab = {
      source = "isolab/isolab"
    }
  }
}

variable "certificate" {
  description = "Certificate in PEM for gateway.example.com and *.apps.example.com."
  type        = string
}

variable "private_key" {
  description = "The certificate's private key in PEM. It is neither in the plan nor in the state."
  type        = string
  ephemeral   = true
}

variable "staging_password" {
  description = "What the team types in to see the next version."
  type        = string
  ephemeral   = true
}

resource "isolab_gateway" "edge" {
  name       = "edge"
  http_port  = 80
  https_port = 443
  hosts      = ["gateway.example.com"]
  domain     = "apps.example.com" # every project may have <namespace>.apps.example.com

  tls = {
    certificate    = var.certificate
    private_key_wo = var.private_key
  }

  # One visitor on all projects together.
  client_limit = {
    requests    = 300
    burst       = 600
    connections = 300
  }
}

resource "isolab_project" "shop" {
  name  = "shop"
  stack = "node"
  phase = "deployment"
}

resource "isolab_environment" "web" {
  for_each = toset(["web", "next"])
  project  = isolab_project.shop
  name     = each.key
  kind     = "deployment"
}

# https://shop.apps.example.com/: nine of ten requests for what is deployed, one for what comes next.
resource "isolab_route" "web" {
  gateway     = isolab_gateway.edge.name
  project     = isolab_project.shop
  environment = isolab_environment.web["web"].name
  canaries    = { (isolab_environment.web["next"].name) = 10 }
  host        = "shop.apps.example.com"

  load_balancing = "least_conn"
  security_headers = {
    content_security_policy   = "default-src 'self'"
    strict_transport_security = "8760h"
  }
  unavailable_page = "<!doctype html><title>Back soon</title><h1>We are back in a minute.</h1>"
}

# https://next.shop.apps.example.com/: only for the team.
resource "isolab_route" "next" {
  gateway     = isolab_gateway.edge.name
  project     = isolab_project.shop
  environment = isolab_environment.web["next"].name
  name        = "next"
  host        = "next.shop.apps.example.com"
  allow       = ["192.0.2.0/24"]

  basic_auth = {
    username            = "team"
    password_wo         = var.staging_password
    password_wo_version = 1 # the next number for the next password
  }
}
