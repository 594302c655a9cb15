resource "isolab_project" "shop" {
  name  = "shop"
  phase = "development"
}

resource "isolab_database" "main" {
  project = isolab_project.shop
  engine  = "postgres"
}

# For other providers, and for write-only attributes such as secrets_wo.
ephemeral "isolab_credentials" "main" {
  id = isolab_database.main.id
}

resource "isolab_environment" "worker" {
  project = isolab_project.shop
  name    = "worker"
  kind    = "development"
  image   = "registry.example.com/shop/worker:1.2"

  secrets_wo = {
    PGHOST     = ephemeral.isolab_credentials.main.host
    PGPASSWORD = ephemeral.isolab_credentials.main.password
  }
  secrets_wo_version = isolab_database.main.password_version
}
