"""Uploads and downloads over HTTP, on connections that the door keeps.

`transfers.py` judges requests, `upload.py` receives files and `unfinished_file.py` holds them
until they are whole, `download.py` sends.
"""
