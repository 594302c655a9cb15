terraform import isolab_project.shop shop
