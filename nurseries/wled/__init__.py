"""WLED strips: `wled.py` answers for all, `strip.py` runs one, over HTTP or a serial port."""
