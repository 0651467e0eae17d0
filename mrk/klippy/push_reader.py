"""Klipper's status pushes, read in one pass where they are written as Klipper writes them. Pure.

Most of what ever comes from a printer is such a push, and nearly all of it is passed on as it is.
So the frame is cut where Klipper's own form has its parts, and one pass over the status shows
that it is JSON and finds what subsystems follow. `read_update` reads all others.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict, cast

import msgspec

from mrk.status.update import StatusUpdate, quoted_name

STATUS_METHOD = "process_status_update"
_BEGIN = f'{{"method":"{STATUS_METHOD}","params":{{"eventtime":'.encode()
_STATUS = b',"status":{'
_BRACE_AT = len(_STATUS) - 1
_END = b"}}}"
_EMPTY_BYTES = 2
_TIME_AT = len(_BEGIN)
_TIME_BYTES = 40

_decode_objects = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_time = msgspec.json.Decoder(float).decode


class PushReader:
    """Reads pushes, and in the same pass the objects of the given names."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        # Of what is not named only the syntax is looked at; what is absent is left out.
        named = cast("Any", TypedDict)(
            "_Named", dict.fromkeys(self.names, msgspec.Raw), total=False
        )
        self._decode: Callable[[bytes], Mapping[str, msgspec.Raw]]
        self._decode = msgspec.json.Decoder(named).decode
        if None in map(quoted_name, self.names):
            self._decode = self._decode_all  # such names may be written in several ways

    def read(self, frame: bytes) -> StatusUpdate | None:
        """The update; None for a frame that is something else, or written in another way."""
        if not frame.startswith(_BEGIN) or not frame.endswith(_END):
            return None
        status_at = frame.find(_STATUS, _TIME_AT, _TIME_AT + _TIME_BYTES)
        if status_at < 0 or not frame.isascii():
            return None
        time_text, text = frame[_TIME_AT:status_at], frame[status_at + _BRACE_AT : -2]
        try:
            found, eventtime = self._decode(text), _decode_time(time_text)
        except (msgspec.DecodeError, RecursionError):
            return None
        if len(text) <= _EMPTY_BYTES:
            return None
        return StatusUpdate(None, eventtime, text, time_text, self.names, found)

    def _decode_all(self, text: bytes) -> Mapping[str, msgspec.Raw]:
        objects = _decode_objects(text)
        return {name: objects[name] for name in self.names if name in objects}
