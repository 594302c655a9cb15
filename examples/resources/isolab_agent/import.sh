terraform import isolab_agent.reviewer shop/reviewer
