"""Who the printer is to the cloud: kept over restarts, and part of the address. Pure.

Records have the names that Moonraker gives them, so that a printer that was set up there stays so.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

NAMESPACE = "simplyprint"
SERVICE = "wss://ws.simplyprint.io/0.1/p"
WORD_LENGTH = 256
_RECORDS = {
    "token": "printer_token",
    "printer_id": "printer_id",
    "name": "printer_name",
    "short_id": "temp_short_setup_id",
    "announcement": "announcement_id",
}


class CloudIdentity(msgspec.Struct, frozen=True):
    """`token` proves who it is; with `printer_id` it belongs to an account, until then a person
    types `short_id` there. `announcement` tells that person."""

    token: str | None = None
    printer_id: str | None = None
    name: str | None = None
    short_id: str | None = None
    announcement: str | None = None

    @property
    def is_set_up(self) -> bool:
        """Whether it belongs to an account."""
        return self.token is not None and self.printer_id is not None

    def records(self) -> dict[str, Any]:
        """For the database."""
        return {name: getattr(self, field) for field, name in _RECORDS.items()}


def read_identity(records: Mapping[str, Any]) -> CloudIdentity:
    """What the database kept; whatever is no word counts as missing."""
    return CloudIdentity(**{field: word(records.get(name)) for field, name in _RECORDS.items()})


def word(value: object) -> str | None:
    """A number or a text that is not too long; 0, an empty text and all else are None."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        value = str(value)
    if not isinstance(value, str) or not 0 < len(value) <= WORD_LENGTH or not value.isprintable():
        return None
    return value


def address(identity: CloudIdentity, reconnect_token: str | None, service: str = SERVICE) -> str:
    """Where to connect to; holds the token, so it must not be shown."""
    printer = identity.printer_id or "0" if identity.token else "0"
    parts = [printer, identity.token or "0"]
    if reconnect_token is not None:
        parts.append(reconnect_token)
    return "/".join([service, *(quote(part, safe="") for part in parts)])
