"""`GET /metrics` of a whole daemon, and what it asks of Klipper: nothing but a subscription."""

import contextlib
from collections.abc import AsyncIterator

import pytest
import trio
import trio.testing

from mrk.jobs.queue import Queue
from mrk.metrics.family import GAUGE, single
from nurseries.metrics.process_files import process_figures
from nurseries.metrics.subsystem import IDLE_S, JOBS_S, Metrics
from nurseries.testing.memory import MemoryDaemon
from tests.fakes.house import House, open_house
from tests.fakes.klippy import FakeKlippy

ASK = b"%s /metrics HTTP/1.1\r\nHost: localhost\r\n%s\r\n"


async def ask(
    daemon: MemoryDaemon, *, verb: bytes = b"GET", headers: bytes = b"", peer: str = "127.0.0.1"
) -> tuple[bytes, bytes]:
    stream = daemon.open_http(peer)
    await stream.send_all(ASK % (verb, b"Connection: close\r\n" + headers))
    answer = b""
    while data := await stream.receive_some():
        answer += data
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


async def test_both_formats(mrk_daemon: MemoryDaemon) -> None:
    head, body = await ask(mrk_daemon)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n" in head
    assert b"\nklipper_connected 1\n" in body
    assert b"\nmrk_metrics_left_out 0\n" in body
    head, body = await ask(mrk_daemon, headers=b"Accept: application/openmetrics-text\r\n")
    assert b"Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n" in head
    assert body.endswith(b"\n# EOF\n")
    # The answer before this one, and no other.
    assert b'mrk_requests_total{transport="http",status="200"} 1\n' in body


async def test_who_may_read_it(mrk_daemon: MemoryDaemon) -> None:
    assert (await ask(mrk_daemon, peer="203.0.113.9"))[0].startswith(b"HTTP/1.1 401 ")
    assert (await ask(mrk_daemon, headers=b"X-Api-Key: wrong\r\n", peer="203.0.113.9"))[
        0
    ].startswith(b"HTTP/1.1 401 ")
    assert (await ask(mrk_daemon, verb=b"POST"))[0].startswith(b"HTTP/1.1 405 ")
    head, body = await ask(mrk_daemon, verb=b"HEAD")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == b""


async def test_a_key_may_come_as_a_bearer(mrk_daemon: MemoryDaemon) -> None:
    async with mrk_daemon.connect() as client:
        made = await client.call("access.keys.create", name="scraper", role="view")
        bearer = f"Authorization: Bearer {made['api_key']}\r\n".encode()
        head, _ = await ask(mrk_daemon, headers=bearer, peer="203.0.113.9")
        assert head.startswith(b"HTTP/1.1 200 ")
        await client.call("access.keys.revoke", name="scraper")
    head, _ = await ask(mrk_daemon, headers=bearer, peer="203.0.113.9")
    assert head.startswith(b"HTTP/1.1 401 ")


async def test_calls_are_counted_by_transport_and_status(mrk_daemon: MemoryDaemon) -> None:
    async with mrk_daemon.connect_websocket() as client:
        await client.call("server.info")
        with pytest.raises(Exception, match="Method not found"):
            await client.call("server.nothing")
        _, body = await ask(mrk_daemon)
    assert b'{transport="websocket",status="200"} 1\n' in body
    assert b'{transport="websocket",status="404"} 1\n' in body
    assert b'{transport="http",status="101"} 1\n' in body
    assert b'mrk_clients{transport="websocket"} 1\n' in body


class Jobs:
    """What the database tells of jobs; nothing at all while it is `stuck`."""

    def __init__(self) -> None:
        self.stuck = False

    async def totals(self) -> dict[str, float]:
        await trio.lowlevel.checkpoint()
        return {"total_jobs": 7.0}

    async def queue(self) -> Queue:
        await trio.sleep(10 * JOBS_S if self.stuck else 0)
        return Queue()


@contextlib.asynccontextmanager
async def open_metrics(klippy: FakeKlippy) -> AsyncIterator[tuple[House, Metrics, Jobs]]:
    jobs = Jobs()
    async with open_house(klippy) as house, trio.open_nursery() as nursery:
        metrics = Metrics(house.link, jobs, [])
        await nursery.start(metrics.serve)
        await house.until_ready()
        yield house, metrics, jobs
        nursery.cancel_scope.cancel()


async def scrape(metrics: Metrics) -> str:
    text = (await metrics.text(openmetrics=False)).decode()
    await trio.testing.wait_all_tasks_blocked()
    return text


def printer() -> FakeKlippy:
    klippy = FakeKlippy()
    klippy.status["gcode_move"] = {"speed_factor": 1.25, "extrude_factor": 1.0}
    return klippy


async def test_a_scrape_asks_klipper_nothing() -> None:
    async with open_metrics(printer()) as (house, metrics, _jobs):
        klippy = house.klippy
        before = len(klippy.requests)
        assert "klipper_speed_factor_ratio" not in await scrape(metrics)
        # The first one has the objects subscribed that are told, as a front end does.
        assert [request["method"] for request in klippy.requests[before:]] == ["objects/subscribe"]
        for _ in range(20):
            assert "klipper_speed_factor_ratio 1.25" in await scrape(metrics)
        assert len(klippy.requests) == before + 1


async def test_after_a_restart_of_the_printer_it_is_subscribed_anew() -> None:
    async with open_metrics(printer()) as (house, metrics, _jobs):
        await scrape(metrics)
        klippy = house.klippy
        klippy.status["gcode_move"]["speed_factor"] = 2.0
        await klippy.close()
        await house.settle()
        await house.until_ready()
        assert "klipper_speed_factor_ratio 2.0" in await scrape(metrics)


async def test_an_hour_after_the_last_scrape_the_subscription_ends(autojump_clock: object) -> None:
    async with open_metrics(printer()) as (house, metrics, _jobs):
        await scrape(metrics)
        await trio.sleep(IDLE_S - 1)
        await scrape(metrics)
        await trio.sleep(IDLE_S - 1)
        assert "gcode_move" in house.link._linked.board.union({})  # type: ignore[union-attr]
        await trio.sleep(2)
        assert "gcode_move" not in house.link._linked.board.union({})  # type: ignore[union-attr]
        await scrape(metrics)
        assert "gcode_move" in house.link._linked.board.union({})  # type: ignore[union-attr]


async def test_a_stuck_database_costs_only_the_metrics_of_jobs(autojump_clock: object) -> None:
    async with open_metrics(printer()) as (_house, metrics, jobs):
        assert "mrk_jobs_total 7.0" in await scrape(metrics)
        jobs.stuck = True
        began = trio.current_time()
        text = await scrape(metrics)
        assert trio.current_time() - began == pytest.approx(JOBS_S)
        assert "mrk_jobs_total" not in text
        assert "klipper_connected 1" in text


async def test_other_parts_add_their_own() -> None:
    async with open_metrics(printer()) as (_house, metrics, _jobs):
        metrics.sources.append(lambda: [single("mrk_viewers", GAUGE, "Viewers.", 3)])
        assert "\nmrk_viewers 3\n" in await scrape(metrics)


def test_this_process() -> None:
    figures = process_figures()
    assert figures.resident_bytes is not None
    assert figures.resident_bytes > 1_000_000
    assert figures.open_fds is not None
    assert figures.open_fds > 2


def test_a_host_without_proc(tmp_path) -> None:
    figures = process_figures(tmp_path)
    assert figures.resident_bytes is None
    assert figures.open_fds is None
