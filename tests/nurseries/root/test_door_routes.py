"""What is no endpoint is described: the door's own answers against what documents tell of it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from config.backup import load_or_backup
from config.paths import Paths
from mrk.api.door_operations import templated
from mrk.api.door_route import DoorRoute
from mrk.api.route_pattern import RoutePattern
from mrk.http.head import RequestHead
from nurseries.root.generation import Generation
from nurseries.root.real_surroundings import NoLog, real_surroundings
from tests.e2e.processes import configure
from transports.door.api_http import ApiCall
from transports.door.route_table import RouteTable, Streamed, Upgrade

SECTIONS = """\
[octoprint_compat]

[webcam_proxy]

[webcam porch]
stream_url: http://127.0.0.1:9/?action=stream
snapshot_url: http://127.0.0.1:9/?action=snapshot
"""
FOLDERS = ("config", "mrk", "nurseries", "transports")
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
PATH = re.compile(r'"(/[a-z0-9_/.]+)"')


@pytest.fixture
def generation(tmp_path: Path) -> Generation:
    """One that never runs, with all that adds routes to the door."""
    configure(tmp_path, sections=SECTIONS)
    paths = Paths(data=tmp_path, unix_socket=tmp_path / "comms" / "moonraker.sock")
    configuration = load_or_backup(paths)
    return Generation(0, configuration, real_surroundings(paths, configuration, NoLog(), "0" * 32))


def table_of(generation: Generation) -> RouteTable:
    return generation._doors.routes


def filled(path: str) -> str:
    """An address of the route."""
    return re.sub(r"\{\w+\}", "some", path.replace("...}", "}"))


def found(table: RouteTable, verb: str, path: str, *, upgrade: bool = False) -> type:
    head = RequestHead(verb, path, "1.1", [], "127.0.0.1", "127.0.0.1")
    return type(table.find(head, upgrade=upgrade))


def is_upgrade(route: DoorRoute) -> bool:
    return {answer.status for answer in route.answers} == {101}


def beyond_endpoints(generation: Generation, path: str) -> set[str]:
    """The verbs that the door itself answers at a path; pages and front ends are not looked at."""
    table = table_of(generation)
    endpoints = {*generation.table.verbs(path)}
    if endpoints == {"GET"}:
        endpoints.add("HEAD")
    called = {verb for verb in VERBS if found(table, verb, path) is ApiCall}
    upgraded = found(table, "GET", path, upgrade=True) is Upgrade
    return {*table.streamed_verbs(path), *(called - endpoints), *(["GET"] if upgraded else [])}


def covers(route: DoorRoute, path: str) -> bool:
    if not RoutePattern.is_one(route.path):
        return route.path == path
    return RoutePattern(route.path).match(path) is not None


def test_whatever_is_described_is_answered(generation: Generation) -> None:
    table = table_of(generation)
    routes = generation.door_routes()
    assert len({(route.path, verb) for route in routes for verb in route.verbs}) == sum(
        len(route.verbs) for route in routes
    )
    verbs: dict[str, set[str]] = {}
    for route in routes:
        path = filled(route.path)
        if is_upgrade(route):
            assert found(table, "GET", path, upgrade=True) is Upgrade, path
            continue
        verbs.setdefault(path, set()).update(route.verbs)
        for verb in route.verbs:
            assert found(table, verb, path) in (Streamed, ApiCall), (verb, path)
    assert len(verbs) > 10
    for path, described in verbs.items():
        assert described == beyond_endpoints(generation, path), path


def test_whatever_is_answered_is_described(generation: Generation) -> None:
    """Asked for each path that the sources name, and for one below it."""
    routes = generation.door_routes()
    named = {filled(route.path) for route in routes}
    for folder in FOLDERS:
        for file in Path(folder).rglob("*.py"):
            named |= set(PATH.findall(file.read_text()))
    named |= {f"{path.rstrip('/')}/a/b" for path in named}
    seen = set()
    for path in sorted(named):
        described = {verb for route in routes if covers(route, path) for verb in route.verbs}
        answered = beyond_endpoints(generation, path)
        assert answered <= described, path
        if answered:
            seen.add(path)
    assert len(seen) > 10
    assert {"/server/jsonrpc", "/server/redirect"} <= seen


def test_each_parameter_of_a_path_is_told(generation: Generation) -> None:
    for route in generation.door_routes():
        told = {parameter.name for parameter in route.parameters}
        assert set(re.findall(r"\{(\w+)\}", templated(route.path))) <= told, route.path


def test_a_daemon_that_nobody_asks_loads_no_declarations() -> None:
    code = (
        "import sys, nurseries.root.daemon, transports.webcam_proxy.build\n"
        "print([name for name in sys.modules if 'mrk.api.door' in name"
        " or name.endswith('.declarations')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
