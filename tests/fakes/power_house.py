"""Power devices on drivers that a test scripts: a printer, a queue and services that only remember.

Time is Trio's; nothing here is real.
"""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import trio
import trio.testing

from mrk.api.caller import INTERNAL_CALLER, Transport
from mrk.clients.outbox import Outbox
from mrk.clients.registry import Client, Clients
from mrk.errors import ClientError
from mrk.fanout import Fanout
from mrk.jobs.print_stats import PrintStats
from mrk.klippy.events import Disconnected, Ready, Shutdown, Started
from mrk.machine.machine_protocols import InstanceIds, UnitStatus
from mrk.machine.services import ServiceError
from mrk.power.state_machine import PowerRules
from mrk.power.states import DriverFailed, PowerState
from mrk.supervision import Backoff, Supervision
from nurseries.power.bound_services import BoundServices
from nurseries.power.device import DeviceFacts, PowerDevice
from nurseries.power.follow_ups import FollowUps
from nurseries.power.power import Power
from nurseries.power.print_lock import PrintLock
from nurseries.supervise import supervise


class ScriptedDriver:
    """`state` is the device's; `failure` is raised, `hangs` answers nothing, `slow_s` late."""

    least_s = 0.0
    initialises_each_time = False

    def __init__(self, state: PowerState = PowerState.OFF) -> None:
        self.state = state
        self.failure: DriverFailed | None = None
        self.switch_failure: DriverFailed | None = None
        self.hangs = False
        self.slow_s = 0.0
        self.asked: list[str] = []
        self.at_once = self.most_at_once = 0
        self.report: Any = None

    async def run(self, report: Any, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        self.report = report
        task_status.started()
        await trio.sleep_forever()

    async def _turn(self, what: str) -> None:
        self.asked.append(what)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await trio.sleep(1e9 if self.hangs else self.slow_s)
        finally:
            self.at_once -= 1
        if self.failure is not None:
            raise self.failure

    async def status(self) -> PowerState:
        await self._turn("status")
        return self.state

    async def switch(self, on: bool) -> PowerState:
        await self._turn("on" if on else "off")
        if self.switch_failure is not None:
            raise self.switch_failure
        self.state = PowerState.of(on)
        return self.state

    @property
    def switched(self) -> list[str]:
        return [what for what in self.asked if what != "status"]


class FakePrinter:
    """`KlippyPort`, `GcodePort` and `JobStatePort`, as far as power devices go.

    `stats` are what it prints; `shown` is what it told of that last, where that is something else.
    """

    def __init__(self) -> None:
        self.klippy_state = "ready"
        self.stats = PrintStats()
        self.shown: PrintStats | None = None
        self.stands_still = False
        self.was_seen: bool | None = True
        self.scripts: list[str] = []
        self.answer_s = 0.0
        self.methods: dict[str, Any] = {}
        self._events: Fanout[Any] = Fanout()

    @property
    def klippy_connected(self) -> bool:
        return self.klippy_state != "disconnected"

    @property
    def snapshot(self) -> Any:
        return SimpleNamespace(stats=self.shown or self.stats)

    @property
    def was_active(self) -> bool | None:
        return self.stats.is_active if self.was_seen else self.was_seen

    async def query(self) -> PrintStats:
        await trio.sleep(1e9 if self.stands_still else 0.0)
        return self.stats

    def open_events(self, name: str, size: int, *kinds: type) -> Any:
        return self._events.open_reader(name, size, *kinds)

    def register_remote_method(self, name: str, method: Any) -> None:
        self.methods[name] = method

    async def run_gcode(self, script: str) -> None:
        await trio.lowlevel.checkpoint()
        self.scripts.append(script)
        await trio.sleep(self.answer_s)

    def become(self, state: str) -> None:
        self.klippy_state = state
        known = {"ready": Ready(), "shutdown": Shutdown("x"), "disconnected": Disconnected()}
        self._events.publish(known.get(state))

    def start_in(self, state: str) -> None:
        """The link finds a printer in that state."""
        self.klippy_state = state
        self._events.publish(Started(state))


class FakeServices:
    """`ManagedServices`; `failing` cannot be started, `own` are names of the server itself."""

    def __init__(self) -> None:
        self.own = {"moonraker"}
        self.instance_ids = InstanceIds("moonraker", "klipper")
        self.service_state: dict[str, UnitStatus] = {}
        self.done: list[str] = []
        self.failing: set[str] = set()
        self.slow_s = 0.0

    async def start(self, unit: str) -> None:
        await trio.sleep(self.slow_s)
        if unit in self.failing:
            raise ServiceError(f"{unit} is not available")
        self.done.append(f"start {unit}")

    async def stop(self, unit: str) -> None:
        await trio.sleep(self.slow_s)
        self.done.append(f"stop {unit}")

    async def restart(self, unit: str) -> None:
        raise AssertionError(unit)

    def restart_own(self) -> None:
        raise AssertionError("it restarts itself")

    def is_allowed(self, unit: str) -> bool:
        return unit in self.service_state

    def is_own(self, unit: str) -> bool:
        return unit in self.own


@dataclass
class PowerHouse:
    """`drivers` by the names of their devices."""

    drivers: dict[str, ScriptedDriver] = field(default_factory=dict)
    printer: FakePrinter = field(default_factory=FakePrinter)
    services: FakeServices = field(default_factory=FakeServices)
    clients: Clients = field(default_factory=Clients)
    devices: list[PowerDevice] = field(default_factory=list)
    bound: list[BoundServices] = field(default_factory=list)
    parts: dict[str, Supervision] = field(default_factory=dict)

    def add(self, name: str, driver: Any = None, **options: Any) -> Any:
        """A device: options of `DeviceFacts`, of `PowerRules`, `services` and `restart_delay_s`."""
        driver = ScriptedDriver() if driver is None else driver
        self.drivers[name] = driver
        rule_names = PowerRules.__struct_fields__
        rules = {key: options.pop(key) for key in list(options) if key in rule_names}
        kind = options.pop("type", "gpio")
        of_klipper = kind == "klipper_device"
        names = options.pop("services", ())
        bound = BoundServices(name, names, self.services, of_klipper=of_klipper)
        follow_ups = FollowUps(
            name,
            self.printer,  # type: ignore[arg-type]
            self.printer,  # type: ignore[arg-type]
            bound,
            options.pop("restart_delay_s", 1.0),
        )
        facts = DeviceFacts(name=name, type=kind, rules=PowerRules(**rules), **options)
        lock = PrintLock(self.printer, self.printer)  # type: ignore[arg-type]
        self.devices.append(PowerDevice(facts, driver, follow_ups, lock))
        self.bound.append(bound)
        return driver

    async def call(self, method: str, arguments: dict[str, Any] | None = None) -> Any:
        """The result of machine.device_power.METHOD."""
        arguments = arguments or {}
        for endpoint in self.power.endpoints():
            verb = endpoint.verbs[0].lower()
            last = endpoint.path.rpartition("/")[2]
            if method in (last, f"{verb}_{last}"):
                params: Any = arguments
                if endpoint.params is not None:
                    params = endpoint.params(**arguments)
                result = endpoint.handler(params, INTERNAL_CALLER)
                return result if method == "devices" else await result
        raise AssertionError(method)

    async def refused(self, method: str, arguments: dict[str, Any]) -> ClientError:
        """What it raises."""
        try:
            result = await self.call(method, arguments)
        except ClientError as exc:
            return exc
        raise AssertionError(f"{method} was answered {result}")

    def macro(self, **arguments: Any) -> None:
        """`set_device_power` of a macro."""
        self.printer.methods["set_device_power"](**arguments)

    def told(self) -> list[tuple[str, str]]:
        """Devices and states of notify_power_changed since the last call."""
        messages = [json.loads(line) for line in self.client.outbox.take().splitlines()]
        assert all(message["method"] == "notify_power_changed" for message in messages)
        shown = [message["params"][0] for message in messages]
        return [(one["device"], one["status"]) for one in shown]

    async def settle(self) -> None:
        await trio.testing.wait_all_tasks_blocked()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["PowerHouse"]:
        """All devices, supervised as in the daemon."""
        outbox = Outbox(lambda payload: payload + b"\n", 4_000_000, lambda: None)
        self.client = Client(self.clients.next_id(), Transport.WEBSOCKET, outbox, authorized=True)
        self.clients.add(self.client)
        self.power = Power(self.devices, self.printer, self.clients)  # type: ignore[arg-type]
        async with trio.open_nursery() as nursery:
            await nursery.start(self.power.serve)
            for device in self.devices:
                device.told = self.power.told
                part = Supervision(device.name, backoff=Backoff(first_s=1.0, limit_s=5.0))
                self.parts[device.name] = part
                nursery.start_soon(supervise, part, device.serve)
            await self.settle()
            yield self
            nursery.cancel_scope.cancel()
