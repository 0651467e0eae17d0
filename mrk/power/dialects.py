"""What each type of HTTP device says: Tasmota, HomeSeer, Home Assistant, Loxone, SmartThings,
Philips Hue, Domoticz. Shelly's two generations stand in `shelly.py`.

Each follows its vendor's interface; what the configuration gives is percent-encoded. Pure.
"""

from typing import Any

import msgspec

from mrk.power.http_exchange import Ask, bearer, json_ask, member, on_or_off, path, query
from mrk.power.states import DriverFailed, PowerState


class Tasmota(msgspec.Struct, frozen=True):
    """Commands of a web console. `output` counts from 1; off comes `delay_s` later."""

    user: str
    password: str
    output: int
    delay_s: int | None = None
    settle_s: float = 0.0

    def status(self) -> Ask:
        return self._ask(f"Power{self.output}")

    def switch(self, on: bool) -> Ask:
        if not on and self.delay_s:
            # Delay counts tenths of seconds.
            return self._ask(f"Backlog Delay {self.delay_s}0; Power{self.output} off")
        return self._ask(f"Power{self.output} {'on' if on else 'off'}")

    def read_status(self, answer: Any) -> PowerState:
        name = f"POWER{self.output}"
        # A device with one relay does not number it.
        if self.output == 1 and isinstance(answer, dict) and name not in answer:
            name = "POWER"
        return on_or_off(member(answer, name), name)

    def read_switch(self, on: bool, answer: Any) -> PowerState:
        return PowerState.OFF if not on and self.delay_s else self.read_status(answer)

    def _ask(self, command: str) -> Ask:
        return Ask("/cm" + query(user=self.user, password=self.password, cmnd=command))


class Homeseer(msgspec.Struct, frozen=True):
    """JSON interface; a switch is believed."""

    user: str
    password: str
    device: int
    settle_s: float = 0.0

    def status(self) -> Ask:
        return self._ask(request="getstatus", ref=self.device)

    def switch(self, on: bool) -> Ask:
        label = "On" if on else "Off"
        return self._ask(request="controldevicebylabel", ref=self.device, label=label)

    def read_status(self, answer: Any) -> PowerState:
        return on_or_off(member(answer, "Devices", 0, "status"), "status")

    def read_switch(self, on: bool, answer: Any) -> PowerState:
        return PowerState.of(on)

    def _ask(self, **arguments: object) -> Ask:
        return Ask("/JSON" + query(user=self.user, **{"pass": self.password}, **arguments))


class Homeassistant(msgspec.Struct, frozen=True):
    """REST API; after a switch the entity takes `settle_s` to change."""

    token: str
    entity: str
    domain: str
    settle_s: float = 1.0

    def status(self) -> Ask:
        return Ask(path("api", "states", self.entity), headers=bearer(self.token))

    def switch(self, on: bool) -> Ask:
        service = "turn_on" if on else "turn_off"
        target = path("api", "services", self.domain, service)
        return json_ask("POST", target, {"entity_id": self.entity}, bearer(self.token))

    def read_status(self, answer: Any) -> PowerState:
        """An entity that is unavailable is an error."""
        return on_or_off(member(answer, "state"), f"the state of {self.entity}")

    def read_switch(self, on: bool, answer: Any) -> None:
        return None


class Loxone(msgspec.Struct, frozen=True):
    """Miniserver generation 1."""

    output: str
    settle_s: float = 0.0

    def status(self) -> Ask:
        return Ask(path("jdev", "sps", "io", self.output))

    def switch(self, on: bool) -> Ask:
        return Ask(path("jdev", "sps", "io", self.output, "on" if on else "off"))

    def read_status(self, answer: Any) -> PowerState:
        return on_or_off(member(answer, "LL", "value"), "LL.value")

    def read_switch(self, on: bool, answer: Any) -> PowerState:
        return self.read_status(answer)


class Smartthings(msgspec.Struct, frozen=True):
    """The cloud's REST API."""

    token: str
    device: str
    settle_s: float = 0.0

    def status(self) -> Ask:
        place = ("components", "main", "capabilities", "switch", "status")
        return Ask(path("v1", "devices", self.device, *place), headers=bearer(self.token))

    def switch(self, on: bool) -> Ask:
        command = {
            "component": "main",
            "capability": "switch",
            "command": "on" if on else "off",
        }
        target = path("v1", "devices", self.device, "commands")
        return json_ask("POST", target, [command], bearer(self.token))

    def read_status(self, answer: Any) -> PowerState:
        return on_or_off(member(answer, "switch", "value"), "switch.value")

    def read_switch(self, on: bool, answer: Any) -> PowerState:
        status = str(member(answer, "results", 0, "status"))
        if status.lower() != "accepted":
            raise DriverFailed(f"the command's status is {status[:100]!r} (expected ACCEPTED)")
        return PowerState.of(on)


class Hue(msgspec.Struct, frozen=True):
    """A bridge's API version 1: a light, or a group."""

    key: str
    device: str
    is_group: bool = False
    settle_s: float = 0.0

    def status(self) -> Ask:
        return Ask(self._place())

    def switch(self, on: bool) -> Ask:
        part = "action" if self.is_group else "state"
        return json_ask("PUT", self._place(part), {"on": on})

    def read_status(self, answer: Any) -> PowerState:
        self._check(answer)
        name = "all_on" if self.is_group else "on"
        return on_or_off(member(answer, "state", name), f"state.{name}")

    def read_switch(self, on: bool, answer: Any) -> PowerState:
        self._check(answer)
        kind, part = ("groups", "action") if self.is_group else ("lights", "state")
        name = f"/{kind}/{self.device}/{part}/on"
        return on_or_off(member(answer, 0, "success", name), name)

    def _place(self, *rest: str) -> str:
        return path("api", self.key, "groups" if self.is_group else "lights", self.device, *rest)

    def _check(self, answer: Any) -> None:
        """Errors come with status 200."""
        first = answer[0] if isinstance(answer, list) and answer else None
        if isinstance(first, dict) and "error" in first:
            said = member(answer, 0, "error", "description")
            raise DriverFailed(f"the bridge says: {str(said)[:100]}")


class Domoticz(msgspec.Struct, frozen=True):
    """JSON interface; `index` is the device's idx."""

    index: int
    settle_s: float = 0.0

    def status(self) -> Ask:
        return Ask("/json.htm" + query(type="command", param="getdevices", rid=self.index))

    def switch(self, on: bool) -> Ask:
        command = "On" if on else "Off"
        return Ask(
            "/json.htm"
            + query(type="command", param="switchlight", idx=self.index, switchcmd=command)
        )

    def read_status(self, answer: Any) -> PowerState:
        return on_or_off(member(answer, "result", 0, "Status"), "Status")

    def read_switch(self, on: bool, answer: Any) -> PowerState:
        if member(answer, "status") != "OK":
            raise DriverFailed(f"Domoticz says {str(answer)[:100]}")
        return PowerState.of(on)
