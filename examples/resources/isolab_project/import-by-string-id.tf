import {
  to = isolab_project.shop
  id = "shop"
}
