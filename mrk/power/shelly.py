"""Shelly relays: generation 1 by its REST interface, generation 2 and later by RPC.

`GET /shelly` tells them apart without a log-in. Generation 1 logs in with basic authentication,
later ones with digest (`digest.py`), as the user admin. Pure.
"""

from typing import Any

import msgspec

from mrk.power.http_exchange import Ask, member, on_or_off, query
from mrk.power.states import PowerState

PROBE = Ask("/shelly")
# Generations 2 and later know no other user.
USER = "admin"


def generation(answer: Any) -> int:
    """Of a device, from its answer to `PROBE`: 1, 2, 3, 4; raises `DriverFailed`."""
    if isinstance(answer, dict) and isinstance(answer.get("gen"), int):
        return int(answer["gen"])
    member(answer, "type")  # what only the first generation says
    return 1


class ShellyOne(msgspec.Struct, frozen=True):
    """`delay_s`: the device stays on and turns itself off later."""

    output: int
    delay_s: int | None = None
    settle_s: float = 0.0

    def status(self) -> Ask:
        return Ask(f"/relay/{self.output}")

    def switch(self, on: bool) -> Ask:
        if not on and self.delay_s:
            return Ask(f"/relay/{self.output}" + query(turn="on", timer=self.delay_s))
        return Ask(f"/relay/{self.output}" + query(turn="on" if on else "off"))

    def read_status(self, answer: Any) -> PowerState:
        state = on_or_off(member(answer, "ison"), "ison")
        if self.delay_s and isinstance(answer, dict) and answer.get("timer_remaining"):
            return PowerState.OFF  # it counts down
        return state

    def read_switch(self, on: bool, answer: Any) -> PowerState:
        return self.read_status(answer)


class ShellyTwo(msgspec.Struct, frozen=True):
    """`delay_s`: the device stays on and toggles itself later."""

    output: int
    delay_s: int | None = None
    settle_s: float = 0.0

    def status(self) -> Ask:
        return Ask("/rpc/Switch.GetStatus" + query(id=self.output))

    def switch(self, on: bool) -> Ask:
        arguments: dict[str, object] = {"id": self.output, "on": "true" if on else "false"}
        if not on and self.delay_s:
            arguments |= {"on": "true", "toggle_after": self.delay_s}
        return Ask("/rpc/Switch.Set" + query(**arguments))

    def read_status(self, answer: Any) -> PowerState:
        state = on_or_off(member(answer, "output"), "output")
        if self.delay_s and isinstance(answer, dict) and "timer_started_at" in answer:
            return PowerState.OFF  # it counts down
        return state

    def read_switch(self, on: bool, answer: Any) -> PowerState:
        member(answer, "was_on")
        return PowerState.of(on)
