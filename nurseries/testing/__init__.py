"""For test suites, ours and other people's: a printer, a daemon on it and a client.

`memory.py` keeps everything in one process over memory streams, fit for the autojump clock;
`sockets.py` uses a real data folder and real sockets; `plugin.py` makes pytest fixtures of both.
Install with `mrk[testing]`.
"""
