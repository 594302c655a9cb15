terraform import isolab_gateway.edge edge
