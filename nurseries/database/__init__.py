"""The database: SQLite behind one thread, and the endpoints of `server.database`.

`subsystem.py` is the subsystem, `thread.py` its thread, `opening.py` brings a file into shape,
`memory_copy.py` stands in for one that cannot be written, and `importer.py` takes over what a
Moonraker has stored.
"""
