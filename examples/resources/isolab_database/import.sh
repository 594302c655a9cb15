terraform import isolab_database.main shop/main
