import {
  to = isolab_environment.dev
  id = "shop/dev"
}
