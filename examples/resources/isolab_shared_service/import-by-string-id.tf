import {
  to = isolab_shared_service.registry
  id = "registry"
}
