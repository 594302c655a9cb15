# One PostgreSQL for many projects; the image has pgvector.
resource "isolab_shared_service" "postgres" {
  name   = "postgres"
  preset = "postgres"
  image  = "docker.io/pgvector/pgvector:pg17"
  limits = { memory = "4GiB" }
}

resource "isolab_project" "shop" {
  name     = "shop"
  stack    = "node"
  phase    = "development"
  services = [isolab_shared_service.postgres.name]
}

# A database and a role of the shop's own in it, and a table for semantic search.
resource "isolab_data_namespace" "shop" {
  project = isolab_project.shop
  service = isolab_shared_service.postgres.name

  vector = {
    dimensions = 384
    distance   = "cosine"
  }
}

# It finds the chunks nearest to a question with
# SELECT content FROM chunks ORDER BY embedding <=> $1 LIMIT 5
resource "isolab_environment" "dev" {
  project  = isolab_project.shop
  kind     = "development"
  bindings = { DATABASE_URL = isolab_data_namespace.shop.id }
}
