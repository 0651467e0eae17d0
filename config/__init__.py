"""Configuration: text in, frozen and typed settings out.

Owns the `moonraker.conf` dialect, `mrk.toml`, the settings families, the backup file and
the layout of the data folder. Read before the event loop starts, or in a thread at a
restart; nothing here runs on its own.
"""
