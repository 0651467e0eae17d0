"""Drivers: each speaks to one kind of power device (`mrk/power/driver.py`)."""
