terraform import isolab_data_namespace.shop shop/data
