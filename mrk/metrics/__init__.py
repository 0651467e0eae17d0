"""What a monitoring system is told: families of samples, and how they look as text.

`family.py` has the types, `exposition.py` the text, `printer.py`, `jobs.py` and `daemon.py` what is
told. Counters that are kept while the daemon runs stand in `histogram.py` and `request_counts.py`.
"""
