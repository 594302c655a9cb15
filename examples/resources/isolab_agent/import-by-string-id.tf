import {
  to = isolab_agent.reviewer
  id = "shop/reviewer"
}
