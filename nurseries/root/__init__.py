"""The assembly: the only room that knows everybody.

`daemon.py` keeps the process alive over generations, `generation.py` builds and nests one of
them, `demo.py` puts a virtual printer under it.
"""
