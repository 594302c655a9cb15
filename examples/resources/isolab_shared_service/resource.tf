# Images of the team: the engine pulls from 127.0.0.1:5000, the projects that list it from registry:5000.
resource "isolab_shared_service" "registry" {
  name    = "registry"
  preset  = "registry"
  publish = { registry = { port = 5000, host_port = 5000 } }
}

# A service of your own. Only projects of the team may list it.
resource "isolab_shared_service" "search" {
  name    = "search"
  image   = "registry.example.com/team/search:4"
  port    = 7700
  volumes = { index = "/var/lib/search" }

  files         = { "/etc/search/search.toml" = "max_results = 100\n" }
  reload_signal = "HUP"

  limits     = { cpus = 1, memory = "1GiB" }
  offered_to = { labels = { team = "web" } }
}

# http://search:7700 is there for the containers of the shop, and for nobody else.
resource "isolab_project" "shop" {
  name     = "shop"
  stack    = "node"
  phase    = "development"
  labels   = { team = "web" }
  services = [isolab_shared_service.search.name]
}
