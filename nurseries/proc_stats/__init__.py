"""The proc stats sampler: resource usage of this process and of the host, once a second.

`sampler.py` is the subsystem; `host_files.py` and `throttled.py` read what it needs.
"""
