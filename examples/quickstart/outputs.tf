output "shop_url" {
  description = "Where the shop answers, seen from the engine's host."
  value       = "http://localhost:${isolab_gateway.edge.http_port}/projects/${isolab_project.shop.namespace}/"
}

output "blog_url" {
  description = "Where the blog answers, seen from the engine's host."
  value       = "http://localhost:${isolab_gateway.edge.http_port}/projects/${isolab_project.blog.namespace}/"
}
