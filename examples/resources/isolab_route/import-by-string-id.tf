import {
  to = isolab_route.dev
  id = "edge/shop/development"
}
