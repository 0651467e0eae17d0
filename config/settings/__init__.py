"""Settings families: frozen structs, one file a family, each with its own reading.

A field states its unit; its default is the struct's. To add a family, write its file and
add it to `families.py`.
"""
