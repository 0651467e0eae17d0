"""What the host is and what is plugged into it; answered when asked, no task runs in between.

`system_info.py`, `peripherals.py` and `canbus.py` are the subsystems; the others read for them.
"""
