import {
  to = isolab_database.main
  id = "shop/main"
}
