"""TP-Link Kasa's local protocol: frames, their cipher, commands and answers. Pure.

A frame is the length of its body in four bytes, and the body with each byte XORed with the
encrypted one before it. That hides nothing; the plugs speak nothing else.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from mrk.power.http_exchange import decoded, member
from mrk.power.states import DriverFailed, PowerState

KEY = 0xAB
HEAD_BYTES = 4
# A strip's sysinfo has some 1.5 KB.
BODY_BYTES = 64 * 1024
STATUS: Any = {"system": {"get_sysinfo": {}}}
FORGET_TIMERS: Any = {"count_down": {"delete_all_rules": None}}


def _encrypted(plain: bytes) -> Iterator[int]:
    key = KEY
    for byte in plain:
        key ^= byte
        yield key


def _decrypted(wire: bytes) -> Iterator[int]:
    key = KEY
    for byte in wire:
        yield key ^ byte
        key = byte


def encode(command: Any) -> bytes:
    """A frame."""
    plain = msgspec.json.encode(command)
    return len(plain).to_bytes(HEAD_BYTES, "big") + bytes(_encrypted(plain))


def body_size(head: bytes) -> int:
    """From the first four bytes; raises `DriverFailed` for what no plug says."""
    size = int.from_bytes(head, "big")
    if not 0 < size <= BODY_BYTES:
        raise DriverFailed(f"its answer of {size} bytes is not a Kasa frame")
    return size


def decode(body: bytes) -> Any:
    """The JSON of a frame's body; raises `DriverFailed`."""
    return decoded(bytes(_decrypted(body)), whole=True)


class Plug(msgspec.Struct, frozen=True):
    """A plug, or a socket of a strip (`output` counts from 0)."""

    output: int | None = None

    def state(self, answer: Any) -> PowerState:
        """From the answer to `STATUS`."""
        info = member(answer, "system", "get_sysinfo")
        if self.output is None:
            return PowerState.of(bool(member(info, "relay_state")))
        return PowerState.of(bool(member(info, "children", self.output, "state")))

    def context(self, answer: Any) -> dict[str, Any]:
        """What names the socket in a command; from the answer to `STATUS`."""
        if self.output is None:
            return {}
        # As it stands there: some firmwares leave the device's id out in front, others do not.
        child = member(answer, "system", "get_sysinfo", "children", self.output, "id")
        return {"context": {"child_ids": [child]}}

    def switch(self, on: bool, context: dict[str, Any]) -> Any:
        """The command."""
        return {"system": {"set_relay_state": {"state": int(on)}}, **context}

    def countdown(self, delay_s: int, context: dict[str, Any]) -> Any:
        """The command for an off that comes later, by the plug itself."""
        rule = {"enable": 1, "delay": delay_s, "act": 0, "name": "turn off"}
        return {"count_down": {"add_rule": rule}, **context}


def check(answer: Any, *names: str) -> None:
    """Raises `DriverFailed` unless the answer to a command says that it was done."""
    code = member(answer, *names, "err_code")
    if code != 0:
        said = member(answer, *names).get("err_msg", "")
        raise DriverFailed(f"it refuses with code {code} {said}".rstrip())
