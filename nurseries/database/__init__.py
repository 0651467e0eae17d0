"""The database: SQLite behind one worker thread, and the endpoints of `server.database`.

`database.py` is the subsystem, `worker.py` its thread, `opening.py` brings a file into shape,
`importer.py` is the command `mrk import-moonraker`.
"""
