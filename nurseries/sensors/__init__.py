"""Sensors outside of the printer, and the history's fields made of them."""

from nurseries.sensors.sensors import Sensors

__all__ = ["Sensors"]
