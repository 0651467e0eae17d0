"""Pages for people over HTTP: the web app and its server.

`WebDoor` stands from the start and is small; Quart and Hypercorn (`app.py`, `http1.py`) cost
13 MB and are imported in a thread when the first request needs them.
"""
