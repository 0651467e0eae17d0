"""Uploads and downloads over HTTP, on connections that the acceptor keeps.

`routes.py` finds which request is one, `uploads.py` receives files, `unfinished_file.py` holds them
until they are whole, and `downloads.py` sends.
"""
