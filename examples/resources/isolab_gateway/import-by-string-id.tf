import {
  to = isolab_gateway.edge
  id = "edge"
}
