"""What the daemon and the process that renders its page tell each other, one line of JSON each.

Pure. The process learns nothing that the page does not show, and no credentials.
"""

import msgspec

from mrk import foreign_json
from mrk.access.decision import Decision


class PageFacts(msgspec.Struct, frozen=True):
    """How the daemon is doing, in plain text, not HTML. `absences`: what is tried again, and why.

    `camera_origins` are other places that pictures come from.
    """

    version: str
    klippy_state: str
    klippy_message: str = ""
    host_name: str = ""
    warnings: tuple[str, ...] = ()
    failed_components: tuple[str, ...] = ()
    absences: tuple[str, ...] = ()
    clients: int = 0
    camera_origins: tuple[str, ...] = ()


class PageView(msgspec.Struct, frozen=True):
    """What one visitor is shown. `prefix` is the route prefix, `static` where scripts are.

    Strangers learn what runs here and that they are strangers, no more: `facts` is None.
    """

    prefix: str
    static: str
    version: str
    authorized: bool
    reason: str
    address: str
    has_front_end: bool = False
    facts: PageFacts | None = None


class PageRequest(msgspec.Struct, frozen=True):
    """One page to be rendered; `path` is without the route prefix, `gzip` may be sent."""

    path: str
    view: PageView
    gzip: bool = False


class PageAnswer(msgspec.Struct, frozen=True):
    """The answer to it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def view_of(
    facts: PageFacts,
    decision: Decision,
    address: str,
    *,
    prefix: str,
    static: str,
    has_front_end: bool = False,
) -> PageView:
    """What a visitor at `address` is shown."""
    return PageView(
        prefix=prefix,
        static=static,
        version=facts.version,
        authorized=decision.authorized,
        reason=decision.reason.explain(address),
        address=address,
        has_front_end=has_front_end,
        facts=facts if decision.authorized else None,
    )


def encode(message: PageRequest | PageAnswer) -> bytes:
    """One line."""
    return msgspec.json.encode(message) + b"\n"


def decode_request(line: bytes) -> PageRequest:
    """Raises `msgspec.DecodeError`."""
    return msgspec.json.decode(line, type=PageRequest)


def decode_answer(line: bytes) -> PageAnswer:
    """Raises `NotJson`."""
    return foreign_json.decode(line, PageAnswer)
