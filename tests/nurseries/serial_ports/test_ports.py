"""Pseudo-terminals, which the system shows as serial ports."""

import os
import tty
from pathlib import Path

import pytest
import trio

from mrk.serial.serial_protocols import SerialError
from nurseries.serial_ports import ports
from nurseries.serial_ports.ports import SystemSerialPorts

pytestmark = pytest.mark.e2e


@pytest.fixture
def pty():
    controller, port = os.openpty()
    tty.setraw(port)
    ends = [controller, port]
    yield ends, Path(os.ttyname(port))
    for end in ends:
        os.close(end)


async def test_bytes_go_both_ways_until_the_port_is_lost(pty):
    (controller, _), path = pty
    with trio.fail_after(10):
        async with SystemSerialPorts().opened(path, 57_600) as opened:
            os.write(controller, b"\x00\x03\r\n\xff")
            assert await opened.receive() == b"\x00\x03\r\n\xff"
            await opened.send(b"a\nb\r\n")
            assert os.read(controller, 100) == b"a\nb\r\n"
            with pytest.raises(SerialError, match="cannot be opened"):
                async with SystemSerialPorts().opened(path, 57_600):
                    pass


async def test_an_end_is_an_error(pty):
    ends, path = pty
    with trio.fail_after(10):
        async with SystemSerialPorts().opened(path, 57_600) as opened:
            while ends:
                os.close(ends.pop())
            with pytest.raises(SerialError, match="is lost"):
                await opened.receive()
            with pytest.raises(SerialError, match="is lost"):
                await opened.send(b"x")


@pytest.mark.parametrize("name", ["missing", "file"])
async def test_what_is_no_port(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(SerialError, match="cannot be opened"):
        async with SystemSerialPorts().opened(tmp_path / name, 57_600):
            pass


async def test_a_port_that_is_not_opened_in_time(tmp_path, monkeypatch):
    monkeypatch.setattr(ports, "OPEN_S", 0)
    with pytest.raises(SerialError, match="cannot be opened within 0 s"):
        async with SystemSerialPorts().opened(tmp_path / "port", 57_600):
            pass
