"""The assembly: the only package that knows all others.

`daemon.py` keeps the process alive over generations, `generation.py` builds and nests one of
them, and `subsystems.py` builds what runs in it.
"""
