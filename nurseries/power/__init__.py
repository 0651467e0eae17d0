"""Power devices: `power.py` answers, `device.py` runs one, `drivers/` speak to them."""
