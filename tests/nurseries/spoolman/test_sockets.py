"""The reporter's way to Spoolman over real sockets: the link, HTTP, and what can go wrong there."""

import contextlib

import pytest
import trio

from mrk.errors import ClientError
from mrk.supervision import Backoff, Supervision
from nurseries.http_client import HttpClient
from nurseries.spoolman.link import SpoolmanLink
from nurseries.spoolman.reporter import SpoolReporter
from nurseries.spoolman.server import SpoolmanServer
from nurseries.supervise import supervise
from nurseries.websocket_client.client import SystemWebsockets
from tests.fakes.spoolman import open_spoolman
from tests.fakes.spoolman_http import Fault
from tests.fakes.spoolman_rules import Answer
from tests.nurseries.spoolman.house import Mrk, Workshop

pytestmark = pytest.mark.e2e
OUTER_S = 20.0
near = pytest.approx
SOON = Backoff(first_s=0.05, limit_s=0.1)


class WiredMrk(Mrk):
    """With a real link and real HTTP."""

    def __init__(self, shop, spoolman):
        super().__init__(shop)
        shop.klippy.methods.clear()
        server = SpoolmanServer(spoolman.url, HttpClient())
        self.spoolman = spoolman
        self.ending, self.ended = trio.CancelScope(), trio.Event()
        self.link = SpoolmanLink(server, SystemWebsockets(), ping_each_s=0.1, pong_s=0.3)
        self.part = Supervision("spoolman_connection", backoff=SOON)
        self.reporter = SpoolReporter(
            shop.klippy,
            shop.database,
            self.clients,
            server,
            self.link,
            sync_rate_s=0.05,
            counts_late_s=0.3,
        )
        self.table = type(self.table)(self.reporter.endpoints())

    async def live(self, *, task_status):
        with self.ending:
            async with trio.open_nursery() as nursery:
                await nursery.start(self.reporter.serve)
                nursery.start_soon(supervise, self.part, self.link.serve)
                task_status.started()
        self.ended.set()

    async def until(self, condition):
        while not condition():  # noqa: ASYNC110 - real sockets are the event
            await trio.sleep(0.01)

    async def until_used(self, spool_id, mm):
        await self.until(
            lambda: (
                spool_id in self.spoolman.rules.spools
                and abs(self.spoolman.rules.used_mm(spool_id) - mm) < 1e-6
                and not self.reporter.book.ledger.due()
            )
        )


@contextlib.asynccontextmanager
async def open_wired(spools=2, *, page_only=False, connected=True):
    with trio.fail_after(OUTER_S):
        async with open_spoolman() as spoolman, trio.open_nursery() as nursery:
            spoolman.page_only = page_only
            for _ in range(spools):
                spoolman.rules.add()
            mrk = WiredMrk(Workshop(nursery), spoolman)
            await nursery.start(mrk.live)
            if connected:
                await mrk.until(lambda: mrk.link.connected)
            yield mrk, mrk.shop.klippy, spoolman
            nursery.cancel_scope.cancel()


async def test_a_report_and_its_event():
    async with open_wired() as (mrk, klippy, spoolman):
        assert mrk.notes("notify_spoolman_status_changed") == [{"spoolman_connected": True}]
        await mrk.call("post_spool_id", spool_id=1)
        klippy.push(123.4)
        await mrk.until_used(1, 123.4)
        assert (await mrk.call("status"))["spoolman_connected"] is True
        assert [socket.path for socket in spoolman.sockets] == ["/api/v1/spool"]
        assert spoolman.sockets[0].received == []


@pytest.mark.parametrize("end", ["term", "kill", "1011", "1012", "1000"])
async def test_the_link_comes_back(end):
    async with open_wired() as (mrk, klippy, spoolman):
        await mrk.call("post_spool_id", spool_id=1)
        if end in ("term", "kill"):
            if end == "term":
                await spoolman.stop()
            spoolman.kill()
            await mrk.until(lambda: not mrk.link.connected)
            klippy.push(7)
            await mrk.until(lambda: mrk.part.restarts > 2)
            await spoolman.start()
        else:
            await spoolman.close_sockets(int(end))
            klippy.push(7)
        await mrk.until(lambda: mrk.part.restarts > 0 and mrk.link.connected)
        await mrk.until_used(1, 7)
        told = mrk.notes("notify_spoolman_status_changed")
        assert told == [{"spoolman_connected": one} for one in (True, False, True)]


async def test_a_deleted_spool_is_no_longer_active():
    async with open_wired() as (mrk, _klippy, spoolman):
        await mrk.call("post_spool_id", spool_id=2)
        await spoolman.wait(lambda: "GET /api/v1/spool/2" in spoolman.requests)
        spoolman.rules.delete(2)
        await spoolman.send_events()
        await mrk.until(lambda: mrk.reporter.book.active is None)


@pytest.mark.parametrize("fault", [Fault.LOST_BEFORE, Fault.LOST_AFTER, Fault.BROKEN])
async def test_answers_that_never_came(fault):
    async with open_wired() as (mrk, klippy, spoolman):
        await mrk.call("post_spool_id", spool_id=1)
        spoolman.faults += [fault, fault]
        klippy.push(10)
        await mrk.until(lambda: len(spoolman.faults) < 2)
        klippy.push(5)
        await mrk.until_used(1, 15)


async def test_a_page_instead_of_spoolman_is_no_connection():
    async with open_wired() as (mrk, klippy, spoolman):
        await mrk.call("post_spool_id", spool_id=1)
        spoolman.page_only = True
        await spoolman.close_sockets(1012)
        await mrk.until(lambda: mrk.part.last_error and "no Spoolman at" in mrk.part.last_error)
        klippy.push(3)
        spoolman.page_only = False
        await mrk.until_used(1, 3)


async def test_everything_broken_for_a_while():
    async with open_wired() as (mrk, klippy, spoolman):
        await mrk.call("post_spool_id", spool_id=1)
        spoolman.broken = True
        klippy.push(3)
        await mrk.until(lambda: spoolman.requests.count("GET /api/v1/spool/1") > 2)
        spoolman.broken = False
        await mrk.until_used(1, 3)


async def test_the_proxy():
    async with open_wired() as (mrk, _klippy, spoolman):
        got = await mrk.call("proxy", request_method="GET", path="/v1/spool/1")
        assert got["id"] == 1
        got = await mrk.call(
            "proxy", request_method="GET", path="/v1/spool", query="limit=10", use_v2_response=True
        )
        assert got["error"] is None
        assert [one["id"] for one in got["response"]] == [1, 2]
        assert got["response_headers"]["Content-Type"] == "application/json"
        assert "GET /api/v1/spool?limit=10" in spoolman.requests
        used = await mrk.call(
            "proxy", request_method="PUT", path="/v1/spool/1/use", body={"use_length": 5}
        )
        assert used["used_length"] == near(5)
        with pytest.raises(ClientError, match="No spool with ID 9") as caught:
            await mrk.call("proxy", request_method="GET", path="/v1/spool/9")
        assert caught.value.status == 404
        got = await mrk.call(
            "proxy", request_method="GET", path="/v1/spool/x", use_v2_response=True
        )
        assert got["response"] is None
        assert got["error"]["status_code"] == 422
        assert "valid integer" in got["error"]["message"]
        assert "response_headers" not in got


async def test_who_asks_before_the_first_attempt_has_ended_waits_for_it():
    asked = {"request_method": "GET", "path": "/v1/spool/1"}
    async with open_wired(connected=False) as (mrk, _klippy, _spoolman):
        assert not mrk.link.connected
        assert (await mrk.call("proxy", **asked))["id"] == 1
    async with open_wired(page_only=True, connected=False) as (mrk, _klippy, _spoolman):
        with pytest.raises(ClientError, match="not connected") as caught:
            await mrk.call("proxy", **asked)
        assert caught.value.status == 503
        assert "no Spoolman at" in mrk.part.last_error


async def test_a_large_answer_and_bad_ones_through_the_proxy():
    async with open_wired() as (mrk, _klippy, spoolman):
        large = b"[" + b",".join(b'{"id":%d}' % n for n in range(300_000)) + b"]"
        spoolman.replies = {
            "/api/v1/large": Answer(200, large),
            "/api/v1/html": Answer(200, b"<html>", "text/html"),
            "/api/v1/moved": Answer(307, b""),
            "/api/v1/empty": Answer(200, b""),
            "/api/v1/huge": Answer(200, b'"' + b"x" * 17_000_000 + b'"'),
        }
        got = await mrk.call("proxy", request_method="GET", path="/v1/large")
        assert len(got) == 300_000
        assert await mrk.call("proxy", request_method="GET", path="/v1/empty") is None
        for path, text in (("html", "not JSON"), ("moved", "307"), ("huge", "too large")):
            with pytest.raises(ClientError, match=text) as caught:
                await mrk.call("proxy", request_method="GET", path=f"/v1/{path}")
            assert caught.value.status == 500
        await spoolman.stop()
        await mrk.until(lambda: not mrk.link.connected)
        with pytest.raises(ClientError) as caught:
            await mrk.call("proxy", request_method="GET", path="/v1/spool")
        assert caught.value.status == 503


async def test_a_silent_socket_is_noticed():
    async with open_wired() as (mrk, _klippy, spoolman):
        await spoolman.wait(lambda: spoolman.pings > 2)
        assert mrk.part.restarts == 0
        spoolman.sockets[0].silent = True
        await mrk.until(lambda: mrk.part.restarts > 0 and mrk.link.connected)
        assert "ping" in mrk.part.last_error


@pytest.mark.parametrize("delay_s", [0.0, 5.0])
async def test_the_end_reports_what_is_left_and_waits_for_nobody(delay_s):
    async with open_wired() as (mrk, klippy, spoolman):
        await mrk.call("post_spool_id", spool_id=1)
        await spoolman.wait(lambda: "GET /api/v1/spool/1" in spoolman.requests)
        spoolman.delay_s = delay_s
        klippy.push(8)
        began = trio.current_time()
        mrk.ending.cancel()  # reporter and link at once, as the root does
        await mrk.ended.wait()
        assert trio.current_time() - began < 2.5
        assert spoolman.rules.used_mm(1) == near(0 if delay_s else 8)
        assert await mrk.pending() == ({1: near(8)} if delay_s else {})


async def test_slow_answers_hold_nobody_up():
    async with open_wired() as (mrk, klippy, spoolman):
        await mrk.call("post_spool_id", spool_id=1)
        spoolman.delay_s = 2.0
        klippy.push(7)
        await mrk.until(lambda: "GET /api/v1/spool/1" in spoolman.requests)
        began = trio.current_time()
        await mrk.call("status")
        await mrk.call("post_spool_id", spool_id=2)
        assert trio.current_time() - began < 1.5
        spoolman.delay_s = 0.0
        await mrk.until_used(1, 7)
