"""Failed log-ins: slower and slower, never for others, bounded, and remembered."""

import pytest
import trio
import trio.testing

from mrk.errors import ClientError
from nurseries.testing.memory_database import MemoryDatabase
from tests.fakes.access_house import FakeDirectory, open_access_house


async def fail(house, times, name="anna", **fields):
    for _ in range(times):
        with pytest.raises(ClientError, match="refused"):
            await house.login(name, "wrong", **fields)


async def test_guessing_becomes_slow(autojump_clock):
    async with open_access_house() as house:
        await house.add_user("anna")
        began = trio.current_time()
        await fail(house, 3)
        assert trio.current_time() == began
        await fail(house, 4)
        assert trio.current_time() - began == 0.5 + 1 + 2 + 4
        # Another address waits for what the user's name earned, and no longer.
        began = trio.current_time()
        await house.login("anna", address="192.0.2.77")
        assert trio.current_time() - began == 2


async def test_others_do_not_wait(autojump_clock):
    async with open_access_house() as house:
        await house.add_user("anna")
        await house.add_user("ben")
        await fail(house, 20)
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(fail, house, 1)
            await trio.testing.wait_all_tasks_blocked()
            began = trio.current_time()
            assert (await house.login("ben", address="192.0.2.77"))["username"] == "ben"
            assert trio.current_time() == began
            # A fourth from there is turned away at once.
            with pytest.raises(ClientError) as refused:
                await house.login("anna", "wrong")
            assert refused.value.status == 429


async def test_a_network_is_one_client(autojump_clock):
    """Who has IPv6 has a whole /64: more addresses are not more places."""
    async with open_access_house() as house:
        await house.add_user("anna")
        await fail(house, 4, address="2001:db8::1")
        async with trio.open_nursery() as nursery:
            for number in range(3):
                fields = {"address": f"2001:db8::{number}:1"}
                nursery.start_soon(lambda f=fields: fail(house, 1, **f))
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(ClientError) as refused:
                await house.login("anna", address="2001:db8::ffff")
            assert refused.value.status == 429


async def test_one_who_hangs_up_frees_the_place(autojump_clock):
    async with open_access_house() as house:
        await house.add_user("anna")
        await fail(house, 5)
        for _ in range(10):
            with trio.move_on_after(0.1) as hung_up:
                await house.login("anna")
            assert hung_up.cancelled_caught
        assert (await house.login("anna"))["username"] == "anna"


async def test_success_forgets_failures(autojump_clock):
    async with open_access_house() as house:
        await house.add_user("anna")
        await fail(house, 4)
        assert len(await house.rows("SELECT * FROM failed_logins")) == 2
        await house.login("anna")
        assert await house.rows("SELECT * FROM failed_logins") == []
        began = trio.current_time()
        await fail(house, 1)
        assert trio.current_time() == began


async def test_lock_out_outlives_a_restart(autojump_clock):
    database = MemoryDatabase()
    async with open_access_house(database=database, max_login_attempts=2) as house:
        await house.add_user("anna")
        await fail(house, 2)
        with pytest.raises(ClientError, match="Too many failed") as locked:
            await house.login("anna")
        assert locked.value.status == 401
        assert (await house.login("anna", address="192.0.2.77"))["username"] == "anna"
        checks = house.hasher.checks
    async with open_access_house(database=database, max_login_attempts=2) as house:
        with pytest.raises(ClientError, match="Too many failed"):
            await house.login("anna")
        assert house.hasher.checks == 0 < checks
        house.now_s += 86401
        assert (await house.login("anna"))["username"] == "anna"


async def test_a_clock_that_was_ahead_locks_nobody_out_for_years(autojump_clock):
    database = MemoryDatabase()
    async with open_access_house(database=database, max_login_attempts=2) as house:
        await house.add_user("anna")
        house.now_s += 10 * 365 * 86400
        await fail(house, 2)
    for _ in range(2):  # a printer that is switched off each evening
        async with open_access_house(database=database, max_login_attempts=2) as house:
            with pytest.raises(ClientError, match="Too many failed"):
                await house.login("anna")
    async with open_access_house(database=database, max_login_attempts=2) as house:
        house.now_s += 86401
        assert (await house.login("anna"))["username"] == "anna"
        assert await house.rows("SELECT * FROM failed_logins") == []


async def test_the_unix_socket_is_never_slowed(autojump_clock):
    async with open_access_house(max_login_attempts=1) as house:
        await house.add_user("anna")
        began = trio.current_time()
        await fail(house, 10, address=None)
        assert trio.current_time() == began
        await house.login("anna", address=None)


async def test_guessing_the_current_password_is_slowed_too(autojump_clock):
    async with open_access_house() as house:
        await house.add_user("anna")
        began = trio.current_time()
        for _ in range(5):
            with pytest.raises(ClientError, match="current password"):
                await house.call(
                    "access.user.password", house.caller("anna"), password="x", new_password="y"
                )
        assert trio.current_time() - began == 1.5


class SlowDirectory(FakeDirectory):
    async def find(self, username: str, password: str) -> str | None:
        await trio.sleep_forever()
        return None


async def test_a_slow_ldap_server_delays_nobody_else(autojump_clock):
    async with open_access_house(directory=SlowDirectory()) as house:
        await house.add_user("anna")
        async with trio.open_nursery() as nursery:
            for number in range(32):
                params = {"username": "lena", "password": "x", "source": "ldap"}
                caller = house.caller(None, address=f"198.51.100.{number}")
                nursery.start_soon(lambda c=caller, p=params: house.call("access.login", c, **p))
            await trio.testing.wait_all_tasks_blocked()
            began = trio.current_time()
            await house.login("anna")
            assert trio.current_time() == began
            with pytest.raises(ClientError) as busy:
                await house.call("access.login", username="x", password="x", source="ldap")
            assert busy.value.status == 429
            nursery.cancel_scope.cancel()


async def test_an_ldap_server_that_is_away_counts_against_nobody(autojump_clock):
    directory = FakeDirectory()
    directory.is_up = False
    async with open_access_house(directory=directory, max_login_attempts=1) as house:
        for _ in range(5):
            with pytest.raises(ClientError, match="refused"):
                await house.call("access.login", username="x", password="x", source="ldap")
        assert await house.rows("SELECT * FROM failed_logins") == []
