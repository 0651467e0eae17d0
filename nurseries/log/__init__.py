"""The daemon's log: a file with rotation and the console, written by a thread of its own.

`daemon_log.py` opens and closes it, `line_queue.py` carries the lines to the thread, and
`log_file.py` and `destinations.py` write them.
"""
