resource "isolab_gateway" "edge" {
  name         = "edge"
  http_port    = 8080
  bind_address = "127.0.0.1" # only a proxy on the same host reaches it

  limits = {
    cpus   = 1
    memory = "512MiB"
  }
}
