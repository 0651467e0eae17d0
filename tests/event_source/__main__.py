"""A browser's own EventSource, cut again and again: everything once, and in order.

Headless Chromium loads a page through a proxy of ours that forwards to a demo daemon and cuts the
stream of events at random bytes. `python -m tests.event_source --cuts 100` (2 s a cut, which is how
long the daemon tells browsers to wait); `nox -s event_source`.
"""

import argparse
import itertools
import json
import random
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import trio

from tests.e2e.processes import DaemonProcess, run_demo

CHROMIUM = (
    "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
PAGE = """\
<!doctype html><title>EventSource</title><script>
const heard = [], numbers = [], told = [];
const events = new EventSource("/server/events");
const report = done => fetch("/report", {method: "POST", body: JSON.stringify(
  {heard, numbers, told, done, state: events.readyState})});
events.addEventListener("replay", event => told.push(JSON.parse(event.data).continuity));
events.onerror = () => events.readyState === EventSource.CLOSED && report(false);
events.onmessage = event => {
  const message = JSON.parse(event.data);
  numbers.push(message.seq);
  if (message.method !== "notify_gcode_response") return;
  const text = message.params[0];
  if (text.startsWith("echo: n")) heard.push(Number(text.slice(7)));
  if (text === "echo: done") report(true);
};
</script>
"""
BEAT_S = 0.05


class CuttingProxy:
    """Forwards to the daemon, serves the page, and cuts each stream of events once."""

    def __init__(self, port: int, cuts: int, chance: random.Random) -> None:
        self._port = port
        self._chance = chance
        self._left = cuts
        self._streams = 0
        self.cut = trio.Event()  # often enough
        self.reported = trio.Event()
        self.report: dict[str, Any] = {}

    async def serve(self, stream: trio.SocketStream) -> None:
        """One connection of the browser."""
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                data = await stream.receive_some(65536)
                if not data:
                    return
                head += bytes(data)
            await self._answer(stream, head)
        except trio.BrokenResourceError:
            pass

    async def _answer(self, stream: trio.SocketStream, head: bytes) -> None:
        path = head.split(b" ")[1]
        if path == b"/server/events":
            await self._forward(stream, head)
        elif path == b"/page":
            await stream.send_all(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n"
                b"Connection: close\r\n\r\n%s" % (len(PAGE), PAGE.encode())
            )
        elif path == b"/report":
            await self._hear(stream, head)
        else:
            await stream.send_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    async def _hear(self, stream: trio.SocketStream, head: bytes) -> None:
        top, _, body = head.partition(b"\r\n\r\n")
        (length,) = (
            int(line.partition(b":")[2])
            for line in top.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        while len(body) < length:
            body += bytes(await stream.receive_some(65536))
        self.report = json.loads(body)
        self.reported.set()
        await stream.send_all(b"HTTP/1.1 204 No Content\r\n\r\n")

    def _most_bytes(self) -> int:
        """Of one stream. The first one gives the page a name to come back with."""
        if not self._left:
            return sys.maxsize
        return self._chance.randrange(300 if self._streams else 2000, 12_000)

    async def _forward(self, stream: trio.SocketStream, head: bytes) -> None:
        most_bytes = self._most_bytes()
        self._streams += 1
        upstream = await trio.open_tcp_stream("127.0.0.1", self._port)
        async with upstream:
            await upstream.send_all(head)
            while most_bytes > 0 and (data := await upstream.receive_some(4096)):
                await stream.send_all(bytes(data)[:most_bytes])
                most_bytes -= len(data)
        if self._left:
            self._left -= 1
            if not self._left:
                self.cut.set()
        # Without a goodbye, as a network that is gone.
        stream.socket.setsockopt(
            trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0"
        )


async def talk(daemon: DaemonProcess, proxy: CuttingProxy) -> int:
    """Have the printer say numbers until the stream was cut often enough; returns how many."""
    sent = 0
    with daemon.connect() as client:

        def say(text: str) -> None:
            client.call("printer.gcode.script", script=f"M118 {text}")
            client.notices.clear()

        while not proxy.cut.is_set():
            await trio.to_thread.run_sync(say, f"n{sent}")
            sent += 1
            await trio.sleep(BEAT_S)
        await trio.to_thread.run_sync(say, "done")
    return sent


async def run(daemon: DaemonProcess, cuts: int, profile: str) -> int:
    """Returns the exit code."""
    proxy = CuttingProxy(daemon.port, cuts, random.Random(14))
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, proxy.serve, 0, host="127.0.0.1"))
        port = listener.socket.getsockname()[1]
        words = [*CHROMIUM, f"--user-data-dir={profile}", f"http://127.0.0.1:{port}/page"]
        quiet = subprocess.DEVNULL
        browser = await nursery.start(
            partial(trio.run_process, words, check=False, stdout=quiet, stderr=quiet)
        )
        sent = 0
        with trio.move_on_after(60 + 6 * cuts):
            sent = await talk(daemon, proxy)
            await proxy.reported.wait()
        browser.kill()
        nursery.cancel_scope.cancel()
    return exit_code(proxy.report, sent, cuts)


def exit_code(report: dict[str, Any], sent: int, cuts: int) -> int:
    """Say what came."""
    heard, numbers, told = report.get("heard"), report.get("numbers"), report.get("told")
    if not report.get("done") or heard is None or numbers is None or told is None:
        print(f"the page gave up: {report}")
        return 1
    expected = list(range(heard[0], sent)) if heard else []
    rising = all(one < two for one, two in itertools.pairwise(numbers))
    again = told.count("complete")
    print(f"{cuts} cuts, {again} resumptions, {len(heard)} of the printer's {sent} lines and")
    print(f"{len(numbers)} events in all; in order and once: {heard == expected and rising}")
    fine = heard == expected and rising and set(told[1:]) == {"complete"} and again >= cuts
    return 0 if fine else 1


def main() -> int:
    """Start all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=100)
    cuts = parser.parse_args().cuts
    with (
        tempfile.TemporaryDirectory() as folder,
        run_demo(Path(folder, "data"), speed=50.0) as daemon,
    ):
        return trio.run(run, daemon, cuts, f"{folder}/profile")


if __name__ == "__main__":
    sys.exit(main())
