resource "isolab_project" "shop" {
  name        = "shop"
  stack       = "node"
  phase       = "development"
  data_policy = "retain"
}

# PostgreSQL with its data on a volume of its own. Nobody outside of the project reaches it.
resource "isolab_database" "main" {
  project = isolab_project.shop
  engine  = "postgres"
  version = "17"

  limits = {
    cpus   = 1
    memory = "2GiB"
  }

  # Raise it to change the password: the database gets it, and with it all that bind to it, in one apply.
  password_version = 1
}

# DATABASE_URL, with the password, reaches the container and nothing else.
resource "isolab_environment" "dev" {
  project  = isolab_project.shop
  kind     = "development"
  bindings = { DATABASE_URL = isolab_database.main.id }
}
