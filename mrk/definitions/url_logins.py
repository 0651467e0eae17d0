"""Logins in addresses, as in `https://name:token@host/`: nobody is shown one.

Shared by the configuration and by whoever tells of an address.
"""

import re

HIDDEN = "<hidden>"
# Up to the last `@` before the path. For SSH a name alone is none: `ssh://git@host`.
# What stands in no login; a line end of JSON text begins with a backslash.
_NOT = r"/?#\s\"'<>\\"
_LOGIN = re.compile(rf"(?<=://)(?<!ssh://)[^{_NOT}]*@|(?<=ssh://)[^{_NOT}@:]*:[^{_NOT}]*@")


def hide_logins(text: str) -> str:
    """The text with every login hidden that stands in an address."""
    return _LOGIN.sub(f"{HIDDEN}@", text) if "://" in text else text


def without_login(url: str) -> str:
    """An address that can be followed by those who need no login."""
    return _LOGIN.sub("", url)
