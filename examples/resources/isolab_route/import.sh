terraform import isolab_route.dev edge/shop/dev
