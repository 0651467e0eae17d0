"""`[zeroconf]`: how the daemon makes itself known in the local network.

Read by `read_zeroconf`; without the section it does not.
"""

import msgspec

from config.config_errors import quoted
from config.paths import Paths
from config.reader import ConfigReader
from config.values import Bounds

_NAME_CHARS = 63
_PORT = Bounds(low=0, high=65535)


class ZeroconfSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`mdns_hostname` None: the operating system's. `frontend_port` None: looked up; 0: none."""

    mdns_hostname: str | None = None
    enable_ssdp: bool = False
    frontend_port: int | None = None


def read_zeroconf(reader: ConfigReader, paths: Paths) -> ZeroconfSettings | None:
    """Read `[zeroconf]`; None without it."""
    if not reader.has("zeroconf"):
        return None
    section = reader.section("zeroconf")
    return ZeroconfSettings(
        mdns_hostname=section.custom("mdns_hostname", None, _host_name),
        enable_ssdp=section.boolean("enable_ssdp", False),
        frontend_port=section.integer("frontend_port", None, _PORT),
    )


def _host_name(text: str) -> str:
    name = text.removesuffix(".").removesuffix(".local")
    letters = name.replace("-", "")
    if not (letters.isascii() and letters.isalnum()) or len(name) > _NAME_CHARS:
        raise ValueError(
            f"{quoted(text)} is not a host name"
            f" (expected up to {_NAME_CHARS} letters, digits and hyphens, such as my-printer)"
        )
    return name
