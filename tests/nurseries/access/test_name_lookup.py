"""Names of clients: looked up beside the requests, which wait for them only so long."""

import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from mrk.access.trusted_clients import LOOPBACK, TrustedClients
from nurseries.access import name_lookup
from nurseries.access.name_lookup import (
    KEPT_S,
    LOOKUP_S,
    MOST_KEPT,
    MOST_WAITING,
    STRANGER_KEPT_S,
    WAIT_S,
    WORKERS,
    NameLookup,
    confirmed_names,
)

LAPTOP, PHONE = "10.0.0.1", "10.0.0.2"


@dataclass
class Dns:
    names: dict[str, tuple[str, ...]] = field(default_factory=lambda: {LAPTOP: ("laptop.lan",)})
    asked: list[str] = field(default_factory=list)
    slow_s: float = 0.0

    async def resolve(self, address: str) -> tuple[str, ...]:
        self.asked.append(address)
        await trio.sleep(self.slow_s)
        return self.names.get(address, ())


@asynccontextmanager
async def open_lookup(dns: Dns):
    lookup = NameLookup(TrustedClients(LOOPBACK, ["laptop.lan"]), dns.resolve)
    async with trio.open_nursery() as nursery:
        await nursery.start(lookup.serve)
        yield lookup
        nursery.cancel_scope.cancel()


async def test_a_trusted_name_and_another(autojump_clock: MockClock) -> None:
    dns = Dns({LAPTOP: ("laptop.lan", "laptop.home"), PHONE: ("phone.lan",)})
    async with open_lookup(dns) as lookup:
        assert lookup.names_of(LAPTOP) == ()
        for address in (LAPTOP, PHONE, LAPTOP, PHONE):
            await lookup.look_up_names(address)
        assert lookup.names_of(LAPTOP) == ("laptop.lan",)
        assert lookup.names_of(PHONE) == ()
        assert dns.asked == [LAPTOP, PHONE]


async def test_trusted_addresses_need_no_name(autojump_clock: MockClock) -> None:
    dns = Dns()
    async with open_lookup(dns) as lookup:
        await lookup.look_up_names("127.0.0.1")
        assert dns.asked == []


async def test_a_request_waits_two_seconds_and_the_next_profits(autojump_clock: MockClock) -> None:
    dns = Dns(slow_s=5.0)
    async with open_lookup(dns) as lookup:
        began = trio.current_time()
        await lookup.look_up_names(LAPTOP)
        assert trio.current_time() - began == WAIT_S
        assert lookup.names_of(LAPTOP) == ()
        await trio.sleep(3.5)
        await lookup.look_up_names(LAPTOP)
        assert lookup.names_of(LAPTOP) == ("laptop.lan",)
        assert dns.asked == [LAPTOP]


async def test_requests_of_one_address_share_a_look_up(autojump_clock: MockClock) -> None:
    dns = Dns(slow_s=1.0)
    async with open_lookup(dns) as lookup, trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(lookup.look_up_names, LAPTOP)
    assert dns.asked == [LAPTOP]


async def test_a_caller_that_leaves_does_not_end_the_others_wait(autojump_clock: MockClock) -> None:
    dns = Dns(slow_s=1.0)
    async with open_lookup(dns) as lookup:
        with trio.move_on_after(0.5):
            await lookup.look_up_names(LAPTOP)
        await lookup.look_up_names(LAPTOP)
        assert lookup.names_of(LAPTOP) == ("laptop.lan",)
        assert dns.asked == [LAPTOP]


async def test_a_look_up_without_end_is_given_up(autojump_clock: MockClock) -> None:
    dns = Dns(slow_s=1e6)
    async with open_lookup(dns) as lookup:
        await lookup.look_up_names(LAPTOP)
        await trio.sleep(LOOKUP_S)
        await lookup.look_up_names(LAPTOP)
        assert lookup.names_of(LAPTOP) == ()
        assert dns.asked == [LAPTOP]
        await trio.sleep(STRANGER_KEPT_S)
        dns.slow_s = 0.0
        await lookup.look_up_names(LAPTOP)
        assert lookup.names_of(LAPTOP) == ("laptop.lan",)


async def test_kept_for_an_hour_since_the_last_use(autojump_clock: MockClock) -> None:
    dns = Dns()
    async with open_lookup(dns) as lookup:
        await lookup.look_up_names(LAPTOP)
        for _ in range(3):
            await trio.sleep(KEPT_S - 1)
            assert lookup.names_of(LAPTOP) == ("laptop.lan",)
        await trio.sleep(KEPT_S + 1)
        assert lookup.names_of(LAPTOP) == ()
        await lookup.look_up_names(LAPTOP)
        assert dns.asked == [LAPTOP, LAPTOP]


async def test_strangers_are_looked_up_again_after_a_minute(autojump_clock: MockClock) -> None:
    dns = Dns({})
    async with open_lookup(dns) as lookup:
        await lookup.look_up_names(LAPTOP)
        dns.names[LAPTOP] = ("laptop.lan",)
        await lookup.look_up_names(LAPTOP)
        assert lookup.names_of(LAPTOP) == ()
        await trio.sleep(STRANGER_KEPT_S + 1)
        await lookup.look_up_names(LAPTOP)
        assert lookup.names_of(LAPTOP) == ("laptop.lan",)


async def test_a_flood_of_addresses_is_bounded(autojump_clock: MockClock) -> None:
    dns = Dns(slow_s=5.0)
    async with open_lookup(dns) as lookup:
        async with trio.open_nursery() as nursery:
            for number in range(500):
                nursery.start_soon(lookup.look_up_names, f"10.1.{number // 250}.{number % 250}")
            await wait_all_tasks_blocked(0.01)
            # The workers' own had room made for them once they were taken.
            assert len(nursery.child_tasks) <= MOST_WAITING + WORKERS
        assert len(dns.asked) <= 2 * WORKERS


async def test_what_is_remembered_is_bounded(autojump_clock: MockClock) -> None:
    async with open_lookup(Dns()) as lookup:
        await lookup.look_up_names(LAPTOP)
        for number in range(MOST_KEPT + 10):
            await lookup.look_up_names(f"10.2.{number // 250}.{number % 250}")
            if number == MOST_KEPT // 2:
                assert lookup.names_of(LAPTOP)  # used, so it stays
        assert lookup.names_of(LAPTOP) == ("laptop.lan",)
        assert len(lookup._known) == MOST_KEPT


async def test_the_systems_names_of_loopback() -> None:
    """Real resolver and thread; what this machine calls itself is its own matter."""
    lookup = NameLookup(TrustedClients((), ["localhost"]))
    async with trio.open_nursery() as nursery:
        await nursery.start(lookup.serve)
        with trio.fail_after(20):
            await lookup.look_up_names("127.0.0.1")
        nursery.cancel_scope.cancel()
    assert lookup.names_of("127.0.0.1") in ((), ("localhost",))


def test_a_name_that_does_not_lead_back_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    claims = {LAPTOP: ("Laptop.LAN.", ["liar.lan"], [LAPTOP]), PHONE: ("liar.lan", [], [PHONE])}
    leads = {"Laptop.LAN.": LAPTOP, "liar.lan": "10.9.9.9"}
    monkeypatch.setattr(socket, "gethostbyaddr", lambda address: claims[address])
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda name, _port: [(0, 0, 0, "", (leads[name], 0))]
    )
    assert confirmed_names(f"::ffff:{LAPTOP}") == ("laptop.lan",)
    assert confirmed_names(PHONE) == ()
    assert confirmed_names("unknown") == ()
    assert name_lookup.WORKERS == 4
