"""A real Home Assistant on loopback ports, of an environment that `nox -s strangers` makes.

`run_home_assistant` ends it with the block. `HomeAssistant` is its REST API with a token that was
written beforehand.
"""

import contextlib
import json
import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt

from nurseries.process.free_ports import free_port

PROGRAM = Path("build/strangers/home-assistant/bin/hass")
START_S = 180.0
PATIENCE_S = 60.0
_LOOK_S = 0.2
CONFIGURATION = """\
homeassistant:
  name: Test
  latitude: 0
  longitude: 0
  elevation: 0
  unit_system: metric
  currency: EUR
  country: DE
  time_zone: UTC
http:
  server_host: 127.0.0.1
  server_port: {port}
api:
config:
input_boolean:
  printer:
    name: Printer
emulated_hue:
  host_ip: 127.0.0.1
  listen_port: {hue_port}
  expose_by_default: true
  exposed_domains: [input_boolean]
"""


@dataclass
class HomeAssistant:
    """One that is up."""

    port: int
    hue_port: int
    token: str

    def ask(self, path: str, body: object = None) -> Any:
        """GET, or POST with a body; raises `urllib.error.HTTPError`."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def state(self, entity: str) -> str:
        """Of one entity."""
        return str(self.ask(f"states/{entity}")["state"])

    def states(self) -> dict[str, str]:
        """Of all entities."""
        return {one["entity_id"]: one["state"] for one in self.ask("states")}

    def until(self, seen: Callable[[dict[str, str]], bool]) -> dict[str, str]:
        """Look until the states are as wanted."""
        limit = time.monotonic() + PATIENCE_S
        while not seen(states := self.states()):
            assert time.monotonic() < limit, states
            time.sleep(_LOOK_S)
        return states

    def hue_id(self, name: str) -> str:
        """The number of a light at the emulated Hue bridge; asking for the list makes them."""
        address = f"http://127.0.0.1:{self.hue_port}/api/anybody/lights"
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
            lights = json.load(answer)
        return next(number for number, light in lights.items() if light["name"] == name)

    def connect_to_broker(self, port: int) -> None:
        """Set its MQTT integration up, as a user does in its pages."""
        flow = self.ask("config/config_entries/flow", {"handler": "mqtt"})
        told = {"broker": "127.0.0.1", "port": port}
        entry = self.ask(f"config/config_entries/flow/{flow['flow_id']}", told)
        assert entry["type"] == "create_entry", entry


@contextlib.contextmanager
def run_home_assistant(folder: Path) -> Iterator[HomeAssistant]:
    """Return once it answers."""
    assert PROGRAM.exists(), "run `nox -s strangers`"
    home = HomeAssistant(free_port(), free_port(), "")
    (folder / ".storage").mkdir(parents=True)
    text = CONFIGURATION.format(port=home.port, hue_port=home.hue_port)
    (folder / "configuration.yaml").write_text(text)
    home.token = _write_token(folder / ".storage" / "auth")
    log = folder / "output.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [PROGRAM, "--config", folder, "--skip-pip-packages", "none"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        limit = time.monotonic() + START_S
        while not _is_up(home):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < limit, log.read_text()
            time.sleep(_LOOK_S)
        yield home
    finally:
        process.kill()
        process.wait()


def _is_up(home: HomeAssistant) -> bool:
    try:
        socket.create_connection(("127.0.0.1", home.hue_port), 1).close()
        return "input_boolean.printer" in home.states()
    except (OSError, urllib.error.URLError):
        return False


def _write_token(path: Path) -> str:
    """Make a user with a long-lived token, as Home Assistant stores one."""
    key, issuer, user = secrets.token_hex(64), secrets.token_hex(16), secrets.token_hex(16)
    grant = {
        "id": issuer,
        "user_id": user,
        "client_id": None,
        "client_name": "test",
        "client_icon": None,
        "token_type": "long_lived_access_token",
        "created_at": "2024-01-01T00:00:00.000000+00:00",
        "access_token_expiration": 315360000.0,
        "token": secrets.token_hex(64),
        "jwt_key": key,
        "last_used_at": None,
        "last_used_ip": None,
        "credential_id": None,
        "version": "2024.3.3",
    }
    owner = {
        "id": user,
        "group_ids": ["system-admin"],
        "is_owner": True,
        "is_active": True,
        "name": "test",
        "system_generated": False,
        "local_only": False,
    }
    groups = [{"id": "system-admin", "name": "Administrators"}]
    data = {"users": [owner], "groups": groups, "credentials": [], "refresh_tokens": [grant]}
    path.write_text(json.dumps({"version": 1, "minor_version": 1, "key": "auth", "data": data}))
    now = int(time.time())
    return jwt.encode({"iss": issuer, "iat": now, "exp": now + 86400}, key, algorithm="HS256")
