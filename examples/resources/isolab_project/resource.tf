# The smallest project: a sealed network and a workspace, waiting in the phase "created".
resource "isolab_project" "blog" {
  name = "blog"
}

# Entering development fills the empty workspace with a skeleton of the stack that really starts.
resource "isolab_project" "shop" {
  name        = "shop"
  stack       = "node"
  phase       = "development"
  data_policy = "delete" # destroy removes the volumes too

  # All environments together; one that would be too much is refused.
  quota = {
    cpus         = 6
    memory       = "8GiB"
    pids         = 2048
    environments = 8
  }

  labels = {
    owner = "web"
  }
}

# Unique by construction: "review-<unix time>-<random>".
resource "isolab_project" "review" {
  name_prefix = "review"
  stack       = "python"
}
