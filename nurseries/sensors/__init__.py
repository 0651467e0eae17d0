"""Sensors outside of the printer, and the history's fields made of them."""
