"""Which host names are this machine's own, against DNS rebinding.

A page of `evil.example` whose name suddenly points at the printer is no stranger to the browser;
only the `Host` header tells. An attacker needs a name that he can register, so addresses, single
words and domains that public DNS does not hold are not asked for.
"""

import functools
import ipaddress
import re
from collections.abc import Callable, Iterable

# RFC 6761, 6762, 8375; `internal` is ICANN's, the rest are routers' habits that were never sold.
_PRIVATE = (
    ".localhost",
    ".local",
    ".lan",
    ".home",
    ".home.arpa",
    ".internal",
    ".intranet",
    ".localdomain",
    ".private",
)
_CHARS = 255


class Hosts:
    """`own` names are exact, `allowed` patterns match a whole name.

    `allows_origin` is the CORS rule: whose page may ask is no stranger as a host either.
    """

    def __init__(
        self,
        own: Iterable[str] = (),
        allowed: Iterable[re.Pattern[str]] = (),
        allows_origin: Callable[[str], bool] = lambda _origin: False,
    ) -> None:
        self._own = frozenset(name.lower().rstrip(".") for name in own)
        self._allowed = tuple(allowed)
        self._allows_origin = allows_origin
        self._remembered = functools.lru_cache(maxsize=256)(self._decided)

    def is_ours(self, host: str) -> bool:
        """Whether a `Host` header names this machine; an empty one names nobody else."""
        # Long ones are nobody's name, and would fill the memory.
        return len(host) <= _CHARS and self._remembered(host)

    def _decided(self, host: str) -> bool:
        name = host_name(host)
        if not name:
            return not host.strip()
        if "." not in name or name.endswith(_PRIVATE) or name in self._own or _is_address(name):
            return True
        return any(pattern.fullmatch(name) for pattern in self._allowed) or any(
            self._allows_origin(f"{scheme}://{name}") for scheme in ("http", "https")
        )


def host_name(host: str) -> str:
    """The name in `Name.:port` in lower case, brackets left out; empty for what is none."""
    text = host.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    name, _, port = text.partition(":")
    return name.rstrip(".") if not port or port.isdigit() else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
