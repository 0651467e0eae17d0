"""A bench to drive the rules on: time is an argument, clients are numbers, files a dictionary."""

import json
from pathlib import Path
from typing import Any

import pytest

from mrk.virtual_printer.klippy import Klippy, KlippySettings
from mrk.virtual_printer.memory_folder import MemoryFolder
from mrk.virtual_printer.objects.kinematics import AxisHardware

RECORDINGS = Path(__file__).parents[2] / "data" / "klippy"
STEP_S = 0.05


class Bench:
    """One Klippy, one default client, and everything that was said, in order."""

    def __init__(self, settings: KlippySettings | None = None, *, ready: bool = True) -> None:
        self.folder = MemoryFolder()
        self.hardware = AxisHardware()
        self.settings = settings or KlippySettings()
        self.now = 5000.0
        self.heard: list[tuple[int, dict[str, Any]]] = []
        self._number = 0
        self.begin(ready=ready)

    def begin(self, *, ready: bool = True) -> None:
        """A new run over the same hardware, as after a restart."""
        self.klippy = Klippy(self.settings, self.folder, self.hardware, self.now)
        self.client = self.klippy.connect()
        if ready:
            self.klippy.start_up()
            self.run(0.1)

    def run(self, seconds: float) -> None:
        """Let virtual time pass; real time is the same here."""
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now = min(self.now + STEP_S, end)
            self.settle()

    def settle(self) -> None:
        while self.klippy.advance(self.now):
            pass
        self.klippy.check_status(self.now)
        while self.klippy.advance(self.now):
            pass
        for message in self.klippy.take_outgoing():
            self.heard.append((message.connection, json.loads(message.payload)))

    def send(self, method: str, params: Any = None, *, client: int | None = None) -> int:
        """Send a request and give its id."""
        self._number += 1
        request: dict[str, Any] = {"id": self._number, "method": method}
        if params is not None:
            request["params"] = params
        self.klippy.receive(client or self.client, json.dumps(request).encode())
        return self._number

    def reply(self, number: int, within_s: float = 120.0) -> dict[str, Any]:
        """Run until the request is answered."""
        end = self.now + within_s
        while True:
            for _client, message in self.heard:
                if message.get("id") == number:
                    return message
            assert self.now < end, f"request {number} was not answered within {within_s} s"
            self.run(STEP_S)

    def call(self, method: str, params: Any = None, **more: Any) -> dict[str, Any]:
        """Send and wait for the answer."""
        return self.reply(self.send(method, params), **more)

    def script(self, script: str, **more: Any) -> dict[str, Any]:
        return self.call("gcode/script", {"script": script}, **more)

    def status(self, name: str) -> dict[str, Any]:
        """An object's whole status."""
        return self.call("objects/query", {"objects": {name: None}})["result"]["status"][name]

    def listen(self) -> None:
        self.call("gcode/subscribe_output", {"response_template": {"method": "said"}})

    def said(self) -> list[str]:
        """Terminal output so far."""
        return [m["params"]["response"] for _c, m in self.heard if m.get("method") == "said"]

    def pushes(self) -> list[dict[str, Any]]:
        return [m["params"]["status"] for _c, m in self.heard if m.get("method") == "status"]

    def subscribe(self, objects: dict[str, Any]) -> dict[str, Any]:
        return self.call(
            "objects/subscribe",
            {"objects": objects, "response_template": {"method": "status"}},
        )

    def heat(self) -> None:
        """A hotend that is hot and stays so."""
        self.hardware.temperatures["extruder"] = 200.0
        self.script("M104 S200")

    def print_file(self, content: str, name: str = "test.gcode") -> dict[str, Any]:
        self.folder.files[name] = content.encode()
        return self.script(f'SDCARD_PRINT_FILE FILENAME="{name}"')

    def run_until(self, name: str, field: str, value: Any, within_s: float = 600.0) -> None:
        end = self.now + within_s
        while self.status(name)[field] != value:
            assert self.now < end, f"{name}.{field} did not become {value!r}: {self.status(name)}"
            self.run(0.2)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def make_bench() -> type[Bench]:
    return Bench


@pytest.fixture
def recording() -> Any:
    """Reads one recording: a list of its lines."""

    def read(name: str) -> list[dict[str, Any]]:
        lines = (RECORDINGS / f"{name}.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    return read
