variable "images" {
  description = "Images to use instead of the public ones, by stack or gateway: for private registries and hosts without a network."
  type        = map(string)
  default     = {}
}

variable "phase" {
  description = "Phase of both projects; paused stops what runs and keeps what is stored."
  type        = string
  default     = "development"
}

variable "http_port" {
  description = "Port of the engine's host on which the gateway listens."
  type        = number
  default     = 8080
}
