terraform import isolab_environment.dev shop/dev
