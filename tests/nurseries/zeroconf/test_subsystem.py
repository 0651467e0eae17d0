"""Announcements on the machine's real network, seen by avahi-browse and gssdp-discover."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
import zeroconf

from config.settings.zeroconf import ZeroconfSettings
from mrk.api.caller import Caller, Transport
from mrk.errors import ClientError
from mrk.http.response import Response
from mrk.web.own_address import OwnAddress
from nurseries.zeroconf.endpoints import ZeroconfEndpoints
from nurseries.zeroconf.network import open_address_changes, read_addresses
from nurseries.zeroconf.subsystem import Announcer
from tests.fakes.private_bus import avahi

pytestmark = pytest.mark.e2e
UUID = "00112233445566778899aabbccddeeff"


def announcer(host: str = "mrk-test", **more: object) -> Announcer:
    settings = ZeroconfSettings(mdns_hostname=host, frontend_port=8080, **more)  # type: ignore[arg-type]
    return Announcer(settings, OwnAddress(None, 7125), UUID, "ignored", lambda: "moonraker")


@asynccontextmanager
async def running(made: Announcer, count: int = 3) -> AsyncIterator[Announcer]:
    async with trio.open_nursery() as nursery:
        await nursery.start(made.serve)
        with trio.fail_after(30):
            while len(made.names) < count:  # noqa: ASYNC110
                await trio.sleep(0.05)
        yield made
        nursery.cancel_scope.cancel()


@pytest.mark.strangers
async def test_avahi_finds_it_and_it_goes_when_it_ends(tmp_path):
    with avahi(tmp_path) as bus:
        browse = partial(trio.to_thread.run_sync, bus.browse)
        async with running(announcer()):
            found = await browse("_moonraker._tcp")
            ours = [line for line in found if "mrk-test.local" in line]
            assert ours
            name, server, port, txt = ours[0][3], ours[0][6], ours[0][8], ours[0][9]
            assert name == r"Moonraker\032\064\032mrk-test"
            assert (server, port) == ("mrk-test.local", "7125")
            assert set(re.findall(r'"(\w+)=', txt)) == {
                "uuid", "https_port", "version", "route_prefix",
            }  # fmt: skip
            assert f"uuid={UUID}" in txt
            pages = await browse("_http._tcp")
            assert any(line[8] == "8080" and "mrk-test" in line[6] for line in pages)
            assert any("mrk-test" in line[6] for line in await browse("_mrk._tcp"))
        with trio.fail_after(20):  # a goodbye counts after a second (RFC 6762, 10.1)
            while True:
                found = await browse("_moonraker._tcp")
                if not any("mrk-test.local" in line[6] for line in found):
                    break


async def test_a_name_that_another_printer_has():
    """Which answers to all, as it does over a network; two of one host share their port 5353."""
    kind = "_moonraker._tcp.local."
    theirs = zeroconf.ServiceInfo(
        kind, f"Moonraker @ mrk-twin.{kind}", port=1, server="other.local.",
        addresses=[bytes((198, 51, 100, 9))],
    )  # fmt: skip
    other = await trio.to_thread.run_sync(zeroconf.Zeroconf)
    try:
        async with trio.open_nursery() as nursery:

            async def answer() -> None:
                while True:
                    other.send(other.generate_service_broadcast(theirs, None))
                    await trio.sleep(0.05)

            nursery.start_soon(answer)
            async with running(announcer("mrk-twin")) as made:
                names = {one.partition("._")[0] for one in made.names}
                nursery.cancel_scope.cancel()
        assert names == {"Moonraker @ mrk-twin", "Moonraker @ mrk-twin-2", "Printer @ mrk-twin"}
    finally:
        await trio.to_thread.run_sync(other.close)


@pytest.mark.strangers
async def test_gssdp_finds_it():
    async with running(announcer("mrk-ssdp", enable_ssdp=True)) as made:
        command = ["gssdp-discover", "--timeout=3", "--target=upnp:rootdevice"]
        ran = await trio.run_process(command, capture_stdout=True)
        found = ran.stdout.decode()
        dashed = "00112233-4455-6677-8899-aabbccddeeff"
        assert f"uuid:{dashed}::upnp:rootdevice" in found
        assert re.search(r"http://[\d.]+:7125/server/zeroconf/ssdp", found)
        answer = made.document()
        assert answer is not None
        assert b"Moonraker (mrk-ssdp)" in answer
    assert made.document() is None


async def test_the_kernel_tells_of_new_addresses(tmp_path):
    """Without the right to make one, nothing is proved."""
    add = ["ip", "address", "add", "198.51.100.77/32", "dev", "lo"]
    remove = ["ip", "address", "del", "198.51.100.77/32", "dev", "lo"]
    with open_address_changes() as changes:
        try:
            ran = await trio.run_process(add, check=False, capture_stderr=True)
        except OSError:
            pytest.skip("there is no ip")
        if ran.returncode:
            pytest.skip("no right to add an address")
        try:
            with trio.fail_after(10):
                await changes.wait()
            assert "198.51.100.77" in await trio.to_thread.run_sync(read_addresses)
        finally:
            await trio.run_process(remove)


def test_ssdp_is_off_by_default():
    endpoint = ZeroconfEndpoints(lambda: None)
    with pytest.raises(ClientError, match="not enabled") as error:
        endpoint.ssdp(None, Caller(Transport.HTTP))  # type: ignore[arg-type]
    assert error.value.status == 404
    answer = ZeroconfEndpoints(lambda: b"<x/>").ssdp(None, Caller(Transport.HTTP))  # type: ignore[arg-type]
    assert answer == Response(200, b"<x/>", content_type="application/xml; charset=UTF-8")


async def test_one_that_is_stopped_while_it_begins_leaves_in_time():
    async with trio.open_nursery() as nursery:
        await nursery.start(announcer("mrk-hurry", enable_ssdp=True).serve)
        await trio.sleep(0.3)
        began = trio.current_time()
        nursery.cancel_scope.cancel()
    assert trio.current_time() - began < 3.0  # the limit of the whole shutdown
