import {
  to = isolab_data_namespace.shop
  id = "shop/data"
}
