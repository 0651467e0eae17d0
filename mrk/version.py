"""Versions mrk reports.

Front ends compare `MOONRAKER_VERSION` with the releases they know, so it begins with the
Moonraker release whose API mrk speaks and ends with mrk's own version.
"""

VERSION = "0.2.0"
API_VERSION = (1, 5, 0)
MOONRAKER_VERSION = f"v0.11.0-mrk-{VERSION}"
