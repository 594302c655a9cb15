data "isolab_engine" "this" {}

# Warns in every plan as soon as few projects more would fit.
check "room_for_projects" {
  assert {
    condition     = data.isolab_engine.this.free_subnets > 20
    error_message = "Only ${data.isolab_engine.this.free_subnets} subnets are free: give address_pool a larger range."
  }
}

output "engine" {
  value = "${data.isolab_engine.this.version} on ${data.isolab_engine.this.operating_system}"
}

output "enforces" {
  description = "Which limits and protections this engine can enforce."
  value       = data.isolab_engine.this.enforces
}
