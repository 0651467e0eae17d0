"""What the daemon and the process that sends say to each other: one JSON object a line.

URLs with their tokens go this way, and not by arguments, which every user of the host can read.
"""

import msgspec

from mrk import foreign_json


class Picture(msgspec.Struct, frozen=True):
    """An attachment that is no file."""

    name: str
    content_type: str
    body: bytes


class SendMessage(msgspec.Struct, frozen=True, tag="send"):
    """`attached` are paths, and addresses that the library fetches.

    `url` may hold several; `sent` are the positions of those that need it no more.
    """

    id: int
    url: str
    title: str
    body: str
    body_format: str
    attached: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    sent: tuple[int, ...] = ()


class CheckUrl(msgspec.Struct, frozen=True, tag="check"):
    """Whether the library knows what to do with a URL."""

    id: int
    url: str


class Delivery(msgspec.Struct, frozen=True):
    """What became of a job; `known` False: the library cannot do anything with the URL.

    `lacking`: of several URLs, it knows only some. `sent` are the positions of those that have had
    the message, where others are to be tried again.
    """

    id: int
    ok: bool
    reason: str = ""
    known: bool = True
    lacking: bool = False
    sent: tuple[int, ...] = ()


Job = SendMessage | CheckUrl

encode = msgspec.json.Encoder().encode
decode_job = msgspec.json.Decoder(Job).decode
_deliveries = msgspec.json.Decoder(Delivery)


def decode_delivery(line: bytes) -> Delivery:
    """Raises `NotJson`."""
    return foreign_json.decode_by(_deliveries, line)
