"""The virtual printer on a real unix socket, with real files."""

import json
import os
import socket

import pytest
import trio

from mrk.errors import MrkError
from mrk.klippy.etx import EtxDecoder, etx_frame
from mrk.virtual_printer.memory_folder import MemoryFolder
from nurseries.virtual_printer.gcodes import DiskFolder, sample_gcode
from nurseries.virtual_printer.service import VirtualPrinter, VirtualPrinterSettings


class Client:
    """A blunt client: one request at a time, other messages dropped."""

    def __init__(self, stream):
        self._stream = stream
        self._decoder = EtxDecoder(1 << 24)
        self._frames = []

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_error):
        await self._stream.aclose()

    async def call(self, method, params=None):
        """The reply, or None when the connection has ended."""
        try:
            return await self._call(method, params)
        except trio.BrokenResourceError:
            return None

    async def _call(self, method, params):
        request = {"id": 1, "method": method, "params": params or {}}
        await self._stream.send_all(etx_frame(json.dumps(request).encode()))
        while True:
            while self._frames:
                message = json.loads(self._frames.pop(0))
                if message.get("id") == 1:
                    return message
            data = await self._stream.receive_some(65536)
            if not data:
                return None
            self._frames += self._decoder.feed(data)

    async def until_ready(self):
        while True:
            if (await self.call("info"))["result"]["state"] != "startup":
                return
            await trio.sleep(0.02)

    async def script(self, script):
        return await self.call("gcode/script", {"script": script})


async def connect(path):
    """Try as the host does, until the socket is there."""
    with trio.fail_after(5):
        while True:
            try:
                return Client(await trio.open_unix_socket(path))
            except OSError:
                await trio.sleep(0.02)


async def until_printed(client):
    """The status when the print has ended."""
    wanted = {"print_stats": None, "virtual_sdcard": None}
    while True:
        reply = await client.call("objects/query", {"objects": wanted})
        if reply["result"]["status"]["print_stats"]["state"] != "printing":
            return reply["result"]["status"]


@pytest.mark.e2e
async def test_the_sample_is_printed_from_disk_and_restart_recreates_the_socket(tmp_path):
    path = tmp_path / "klippy.sock"
    gcodes = tmp_path / "gcodes"
    gcodes.mkdir()
    name, content = sample_gcode()
    (gcodes / name).write_bytes(content)
    settings = VirtualPrinterSettings(socket_path=path, speed=500.0, startup_s=0.05, restart_s=0.05)
    printer = VirtualPrinter(settings, DiskFolder(gcodes))
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            await nursery.start(printer.serve)
            async with await connect(path) as client:
                await client.until_ready()
                assert (await client.script(f"SDCARD_PRINT_FILE FILENAME={name}"))["result"] == {}
                status = await until_printed(client)
                await client.script("RESTART")
                assert await client.call("info") is None
            async with await connect(path) as client:
                assert (await client.call("info"))["result"]["state"] == "startup"
            nursery.cancel_scope.cancel()
    assert not path.exists()
    assert status["print_stats"]["state"] == "complete"
    assert status["print_stats"]["info"] == {"total_layer": 30, "current_layer": 30}
    assert status["virtual_sdcard"]["file_position"] == len(content)


@pytest.mark.e2e
async def test_a_stale_socket_is_replaced_and_another_file_is_not(tmp_path):
    stale, other = tmp_path / "stale.sock", tmp_path / "other"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(os.fspath(stale))
    other.write_text("keep me")
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            printer = VirtualPrinter(VirtualPrinterSettings(socket_path=stale), MemoryFolder())
            await nursery.start(printer.serve)
            async with await connect(stale) as client:
                assert (await client.call("info"))["id"] == 1
            nursery.cancel_scope.cancel()
        refused = VirtualPrinter(VirtualPrinterSettings(socket_path=other), MemoryFolder())
        expected = pytest.RaisesExc(MrkError, match="is not a socket")
        with pytest.RaisesGroup(expected, flatten_subgroups=True):
            await refused.serve()
    assert other.read_text() == "keep me"


@pytest.mark.parametrize(
    "name", ["../secret.gcode", "/etc/passwd", "link.gcode", "sub", "a\0b", ""]
)
def test_names_never_lead_out_of_the_folder_or_to_no_file(tmp_path, name):
    (tmp_path / "secret.gcode").write_text("G28\n")
    root = tmp_path / "gcodes"
    (root / "sub").mkdir(parents=True)
    (root / "link.gcode").symlink_to(tmp_path / "secret.gcode")
    with pytest.raises((OSError, ValueError)):
        DiskFolder(root).open(name)


def test_files_are_found_in_folders_and_in_another_case(tmp_path):
    (tmp_path / "Sub").mkdir()
    (tmp_path / "Sub" / "Cube.gcode").write_text("G28\n")
    (tmp_path / "notes.txt").write_text("no g-code")
    folder = DiskFolder(tmp_path)
    assert folder.list() == [("Sub/Cube.gcode", 4)]
    file = folder.open("sub/cube.GCODE")
    assert (file.size_bytes, file.read_at(1, 2), file.read_at(4, 10)) == (4, b"28", b"")
    file.close()


def test_a_read_is_bounded(tmp_path):
    (tmp_path / "big.gcode").write_bytes(b"x" * 70_000)
    file = DiskFolder(tmp_path).open("big.gcode")
    assert len(file.read_at(0, 70_000)) == 65_536
    file.close()
