"""The database's rules: namespaces and who may touch them, nested keys, schema, old encodings."""
