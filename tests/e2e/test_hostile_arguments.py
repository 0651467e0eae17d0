"""Every method with arguments of wrong kinds and extreme values: no 500, and no traceback.

All methods of a daemon on a real data folder, each argument in turn, over the unix socket and
over HTTP. What ends the daemon or its printer is left out, the other arguments being good.
"""

import json
import logging
import random
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
import trio

from mrk.api.table import Method
from nurseries.testing.sockets import SocketDaemon, open_socket_daemon

ETX = b"\x03"
SECTIONS = """\
enable_object_processing: False

[octoprint_compat]

[spoolman]
server: http://127.0.0.1:1

[webcam cam]
location: printer
stream_url: /webcam/?action=stream
"""
# More than a method may wait for what it is asked (`server.logs.tail`).
PATIENCE_S = 35
CLIENTS = 12
# A log-in takes a tenth of a second, on purpose; Klipper answers a query at its next beat only.
SLOW = ("access.", "printer.objects.", "server.job_queue.start", "server.spoolman.post_")
# They do what they are told whatever the arguments: end the daemon, the printer, or a database.
ENDS = {
    "server.restart", "printer.emergency_stop", "printer.restart", "printer.firmware_restart",
    "printer.gcode.restart", "printer.gcode.firmware_restart",
    "machine.shutdown", "machine.reboot", "server.database.restore",
}  # fmt: skip
# JSON text of an argument.
HOSTILE = [
    "null", "true", "-1", "0", "1e400", "-1e308", "0.5", "9223372036854775807",
    "9223372036854775808", "-9223372036854775809", "18446744073709551616", "1" * 400,
    "1" * 5000, '""', '" "', '"x"', '"NaN"', '"-Infinity"', '"1e999"', '"' + "9" * 5000 + '"',
    r'"\u0000"', r'"a\u0000b"', r'"\ud800"', r'"\udcff/\ud83d"', r'"\u0003\u001b[2J\n"',
    '"../../etc/passwd"', '"gcodes/../config"', '"gcodes/"', '"/"', '"%s%n{0}"', '"a,b,,c"',
    '"' + "x" * 5000 + '"', '"' + "/x" * 300 + '"', "[]", "[null]", "[[]]", "{}", '{"": null}',
    '{"a": {"b": [1, {"c": null}]}}', '["x", 1, null, {}]', '[1e400, "\\u0000"]',
    "[" * 60 + "]" * 60, '{"a":' * 60 + "1" + "}" * 60, '"\\uff11\\uff12"', '"\\u202e"',
    '"2024-01-01"', "-0.0", '"0x10"', '"1_000"',
]  # fmt: skip
TEXTS = [
    "", "null", "-1", "NaN", "1e400", "9" * 5000, "9223372036854775808", "\x00", "a\x00b",
    "../..", "gcodes/x", "[]", "{}", "[" * 200, '{"a":' * 200, "x" * 3000, "\udcff", "1_0", "a,b",
]  # fmt: skip
HINTS = ["", ":int", ":float", ":bool", ":json", ":x"]


def good(kind: Any) -> str:
    """JSON text of an argument that fits."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return json.dumps(inner[0])
    if kind is bool:
        return "true"
    if kind in (int, float):
        return "1"
    if origin is list:
        return '["x"]'
    if kind is dict or origin is dict or "Mapping" in str(kind):
        return '{"x": 1}'
    return '"x"'


def arguments_of(method: Method) -> dict[str, str]:
    """The arguments that a method takes, with good values."""
    params = method.endpoint.params
    if not (isinstance(params, type) and issubclass(params, msgspec.Struct)):
        return {"script": '"M117"', "objects": "{}", "x": "1"}
    hints = typing.get_type_hints(params)
    return {f.encode_name: good(hints[f.name]) for f in msgspec.structs.fields(params)}


def calls(methods: dict[str, Method]) -> Iterator[tuple[str, str]]:
    """Names and JSON text of the params."""
    for name, method in methods.items():
        known = arguments_of(method)
        few = HOSTILE[::5] if name.startswith(SLOW) else HOSTILE
        for hostile in few:
            if not known:
                yield name, '{"x": ' + hostile + "}"
                continue
            for one in known:
                text = {**known, one: hostile}
                yield name, "{" + ", ".join(f'"{n}": {v}' for n, v in text.items()) + "}"
            yield name, "{" + ", ".join(f'"{n}": {hostile}' for n in known) + "}"
        for params in ("[]", "[1]", "null", '"x"', "1", "{}"):
            yield name, params


def methods_of(daemon: SocketDaemon) -> dict[str, Method]:
    table = daemon.daemon.generation.table
    return {n: m for n, m in table._methods.items() if n not in ENDS}


class Client:
    """One request at a time on the unix socket; connects anew where it was closed."""

    def __init__(self, daemon: SocketDaemon) -> None:
        self._path = daemon.paths.unix_socket
        self._stream: trio.SocketStream | None = None
        self._read = bytearray()
        self._number = 0

    async def aclose(self) -> None:
        if self._stream is not None:
            await self._stream.aclose()
        self._stream = None

    async def code(self, name: str, params: str) -> int | None:
        """The code of the error, 0 without one; None when there is no answer."""
        self._number += 1
        head = f'{{"jsonrpc": "2.0", "id": {self._number}, "method": "{name}", "params": '
        request = head.encode() + params.encode() + b"}" + ETX
        with trio.move_on_after(PATIENCE_S):
            # Who sends several texts in a row that are no JSON is hung up on.
            for _ in range(2):
                try:
                    return await self._ask(request)
                except (trio.BrokenResourceError, EOFError):
                    await self.aclose()
        return None

    async def _ask(self, request: bytes) -> int:
        if self._stream is None:
            self._stream, self._read = await trio.open_unix_socket(self._path), bytearray()
        await self._stream.send_all(request)
        while True:
            while (end := self._read.find(ETX)) < 0:
                received = await self._stream.receive_some(1 << 20)
                if not received:
                    raise EOFError
                self._read += received
            message = json.loads(self._read[:end])
            del self._read[: end + 1]
            # Text that is not JSON is answered without an id.
            if "method" not in message and message.get("id") in (self._number, None):
                return int(message.get("error", {}).get("code", 0))


def tracebacks(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.exc_info]


@pytest.mark.e2e
async def test_no_argument_is_a_fault_of_the_server(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    faults: list[Any] = []
    async with open_socket_daemon(tmp_path, SECTIONS) as daemon:
        every = list(calls(methods_of(daemon)))
        # So that not all clients wait for the same slow method.
        random.Random(1).shuffle(every)
        left = iter(every)

        async def call() -> None:
            client = Client(daemon)
            for name, params in left:
                code = await client.code(name, params)
                if code in (500, -32603, None):
                    faults.append((code, name, params[:200]))
            await client.aclose()

        async with trio.open_nursery() as nursery:
            for _ in range(CLIENTS):
                nursery.start_soon(call)
    assert faults == []
    assert tracebacks(caplog) == []


def requests(daemon: SocketDaemon) -> Iterator[tuple[str, str]]:
    """Verbs and targets of HTTP requests."""
    for method in methods_of(daemon).values():
        known = arguments_of(method)
        few = TEXTS[::6] if method.endpoint.path.startswith("/access") else TEXTS
        path = quote(re.sub(r"\{.*?\}", "x", method.endpoint.path))
        for verb in method.endpoint.verbs:
            for number, text in enumerate(few):
                hint = HINTS[number % len(HINTS)]
                shown = quote(text.encode("utf-8", "surrogatepass"))
                yield verb, f"{path}?" + "&".join(f"{name}{hint}={shown}" for name in known or "x")


async def http_status(stream: trio.SocketStream, verb: str, target: str) -> int:
    """Of one request; the connection is used for it alone."""
    head = f"{verb} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    await stream.send_all(f"{head}Content-Length: 0\r\n\r\n".encode())
    answer = bytearray()
    async for received in stream:
        answer += received
    return int(answer[9:12] or 0)


@pytest.mark.e2e
async def test_nor_any_text_in_a_query(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    faults: list[Any] = []
    async with open_socket_daemon(tmp_path, SECTIONS) as daemon:
        left = requests(daemon)

        async def request() -> None:
            for verb, target in left:
                status = 0
                with trio.move_on_after(PATIENCE_S):
                    async with await trio.open_tcp_stream("127.0.0.1", daemon.port) as stream:
                        status = await http_status(stream, verb, target)
                if status in (0, 500):
                    faults.append((status, verb, target[:200]))

        async with trio.open_nursery() as nursery:
            for _ in range(CLIENTS):
                nursery.start_soon(request)
    assert faults == []
    assert tracebacks(caplog) == []
