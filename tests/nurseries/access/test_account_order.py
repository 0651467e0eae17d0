"""Account calls that one socket sends in a burst are done in its order, and hold up nobody else."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio.testing

from mrk.api.caller import Caller, Transport
from mrk.clients.registry import Client
from mrk.errors import ClientError
from tests.fakes.access_house import (
    ADDRESS,
    AccessHouse,
    FakeDirectory,
    InlineHasher,
    open_access_house,
)

Call = tuple[str, dict[str, Any]]
ANNA = {"username": "anna", "password": "secret"}


class SlowHasher(InlineHasher):
    """A small board that is busy."""

    async def hash(self, password):
        await trio.sleep(1)
        return await super().hash(password)

    async def check(self, password, stored, *, imported_left):
        await trio.sleep(1)
        return await super().check(password, stored, imported_left=imported_left)


def on(client: Client) -> Caller:
    """Who a socket is when its message is read."""
    return Caller(
        client.transport,
        authorized=client.authorized,
        connection_id=client.id,
        address=client.address,
        user=client.user,
        role=client.role,
        reason=client.reason,
    )


async def burst(house: AccessHouse, client: Client, *calls: Call) -> list[Any]:
    """All calls at once: what each was answered, or its error, in the order of the calls."""
    caller = on(client)
    answers: list[Any] = [None] * len(calls)
    left = iter(enumerate(calls))

    async def make_next() -> None:
        number, (method, params) = next(left)  # Trio runs new tasks in any order
        try:
            answers[number] = await house.call(method, caller, **params)
        except ClientError as exc:
            answers[number] = exc

    async with trio.open_nursery() as nursery:
        for _ in calls:
            nursery.start_soon(make_next)
    return answers


async def test_a_user_is_made_before_it_is_deleted(autojump_clock):
    async with open_access_house(hasher=SlowHasher()) as house:
        made, listed, deleted, again, listed_again = await burst(
            house,
            house.client(),
            ("access.post_user", ANNA),
            ("access.users.list", {}),
            ("access.delete_user", {"username": "anna"}),
            ("access.post_user", {**ANNA, "password": "another"}),
            ("access.users.list", {}),
        )
        assert made["action"] == "user_created"
        assert [user["username"] for user in listed["users"]] == ["anna"]
        assert deleted == {"username": "anna", "action": "user_deleted"}
        assert again["action"] == "user_created"
        assert [user["username"] for user in listed_again["users"]] == ["anna"]
        assert (await house.login("anna", "another"))["action"] == "user_logged_in"


async def test_log_in_and_password_follow_each_other(autojump_clock):
    async with open_access_house(hasher=SlowHasher()) as house:
        new = {"password": "secret", "new_password": "other"}
        answers = await burst(
            house,
            house.client(),
            ("access.post_user", ANNA),
            ("access.user.role", {"username": "anna", "role": "admin"}),
            ("access.login", ANNA),
            ("access.get_user", {}),
            ("access.user.password", new),
            ("access.delete_user", {"username": "anna"}),
            ("access.login", {**ANNA, "password": "other"}),
        )
        actions = [getattr(one, "message", None) or one.get("action") for one in answers]
        assert actions[:3] == ["user_created", "user_role_set", "user_logged_in"]
        assert answers[3]["username"] == "anna"
        assert actions[4:] == [
            "user_password_reset",
            "Nobody can delete the user they are logged in as",
            "user_logged_in",
        ]


@pytest.mark.parametrize("transport", [Transport.WEBSOCKET, Transport.UNIX])
async def test_who_logged_out_or_may_less_does_no_more(autojump_clock, transport):
    async with open_access_house(hasher=SlowHasher()) as house:
        await house.add_user("root")
        await house.add_user("anna")
        socket = house.client(transport)
        await burst(house, socket, ("access.login", ANNA))
        out, bob = await burst(
            house,
            socket,
            ("access.logout", {}),
            ("access.post_user", {"username": "bob", "password": "x"}),
        )
        assert out["action"] == "user_logged_out"
        if transport is Transport.WEBSOCKET:
            assert bob.status == 401
        else:  # this host's own socket loses only the user
            assert bob["action"] == "user_created"
        await burst(house, socket, ("access.login", ANNA))
        less, carl = await burst(
            house,
            socket,
            ("access.user.role", {"username": "anna", "role": "view"}),
            ("access.post_user", {"username": "carl", "password": "x"}),
        )
        assert less["role"] == "view"
        assert carl.status == 403


async def test_keys_follow_each_other(autojump_clock):
    async with open_access_house(hasher=SlowHasher()) as house:
        made, key, same, named, listed, revoked, left = await burst(
            house,
            house.client(),
            ("access.post_user", ANNA),
            ("access.post_api_key", {}),
            ("access.get_api_key", {}),
            ("access.keys.create", {"name": "slicer"}),
            ("access.keys.list", {}),
            ("access.keys.revoke", {"name": "slicer"}),
            ("access.keys.list", {}),
        )
        assert made["action"] == "user_created"
        assert key == same
        assert [one["name"] for one in listed["keys"]] == [named["name"]] == [revoked["name"]]
        assert left["keys"] == []


async def test_nobody_else_waits(autojump_clock):
    slow = SlowHasher()
    async with open_access_house(hasher=slow) as house, trio.open_nursery() as nursery:
        await house.add_user("root")
        one, other = house.client(), house.client(address="192.0.2.6")
        nursery.start_soon(burst, house, one, ("access.post_user", ANNA))
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
        deleted = {"username": "root"}
        await burst(house, other, ("access.users.list", {}), ("access.delete_user", deleted))
        # Nor does its own call that is about no account, nor HTTP that names the socket.
        await house.call("access.info", on(one))
        over_http = Caller(Transport.HTTP, connection_id=one.id, address=ADDRESS)
        await house.call("access.users.list", over_http)
        assert trio.current_time() == began


async def test_attempts_that_wait_for_their_turn_are_counted(autojump_clock):
    async with open_access_house(hasher=SlowHasher()) as house:
        await house.add_user("anna")
        answers = await burst(house, house.client(), *[("access.login", ANNA)] * 4)
        assert [getattr(one, "status", 200) for one in answers] == [200, 200, 200, 429]


class SilentDirectory(FakeDirectory):
    """An LDAP server that takes its time."""

    def __init__(self, wait: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._wait = wait

    async def find(self, username, password):
        await self._wait()
        return await super().find(username, password)


async def test_who_goes_while_it_waits_leaves_nothing(autojump_clock):
    directory = SilentDirectory(trio.sleep_forever)
    async with open_access_house(directory=directory) as house:
        socket = house.client()
        login = {"username": "lena", "password": "x", "source": "ldap"}
        with trio.move_on_after(1) as gone:
            await burst(house, socket, ("access.login", login), ("access.post_user", ANNA))
        assert gone.cancelled_caught
        assert (await burst(house, socket, ("access.users.list", {})))[0] == {"users": []}
