"""The names under which this machine's own network knows it, for the check of `Host` headers."""

import socket
from pathlib import Path

RESOLV_CONF = Path("/etc/resolv.conf")
_MOST_BYTES = 64 * 1024


def own_names(resolv_conf: Path = RESOLV_CONF) -> list[str]:
    """The host name, and it in each search domain: what routers call a printer, as `pi.fritz.box`.

    Read once a start; a file that cannot be read names nothing.
    """
    name = socket.gethostname()
    short = name.partition(".")[0]
    return [name, *(f"{short}.{domain}" for domain in search_domains(resolv_conf) if short)]


def search_domains(resolv_conf: Path) -> list[str]:
    """The domains that resolv.conf(5) completes names with."""
    try:
        with resolv_conf.open("rb") as file:
            text = file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return []
    found: list[str] = []
    for line in text.splitlines():
        words = line.split()
        if words and words[0] in ("search", "domain"):
            found = [word.strip(".") for word in words[1:]]  # the last such line counts
    return [domain for domain in found if domain]
