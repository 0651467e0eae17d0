"""access.* about users, roles and keys, and the notifications that follow."""

import pytest
import trio
import trio.testing

from mrk.access import tokens
from mrk.access.accounts import API_KEY_USER, TRUSTED_USER, TokenRefused
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from nurseries.access import store
from nurseries.testing.memory_database import MemoryDatabase
from tests.fakes.access_house import open_access_house


async def test_users_are_listed_with_their_roles(autojump_clock):
    async with open_access_house() as house:
        watcher = house.client()
        await house.add_user("anna")
        await house.add_user("ben", role="view")
        users = (await house.call("access.users.list"))["users"]
        assert [(u["username"], u["source"], u["role"]) for u in users] == [
            ("anna", "moonraker", "admin"),
            ("ben", "moonraker", "view"),
        ]
        assert await house.told(watcher) == [
            ("notify_user_created", [{"username": "anna"}]),
            ("notify_user_created", [{"username": "ben"}]),
        ]


async def test_the_first_user_is_there_when_its_tokens_can_be_made(monkeypatch):
    """Clients hear of it a moment later: its answer must not wait for a disk meanwhile."""
    users = []
    async with open_access_house() as house:
        loading = lambda: users.append(house.accounts.user("anna"))  # noqa: E731
        monkeypatch.setattr(tokens, "load_library", loading)
        await house.add_user("anna")
        await house.add_user("ben")
    assert users == [None]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"username": "anna"}, "exists"),
        ({"username": ""}, "empty"),
        ({"username": " x"}, "blank"),
        ({"username": "a\nb"}, "control"),
        ({"username": "x" * 65}, "longer"),
        ({"username": TRUSTED_USER}, "reserved"),
        ({"username": API_KEY_USER + ":x"}, "reserved"),
        ({"username": "ben", "source": "ldap"}, "LDAP"),
        ({"username": "ben", "role": "god"}, "view, operate, admin"),
    ],
)
async def test_users_that_cannot_be(params, message, autojump_clock):
    async with open_access_house() as house:
        await house.add_user("anna")
        with pytest.raises(ClientError, match=message) as refused:
            await house.call("access.post_user", password="x", **params)
        assert refused.value.status == 400
        assert len((await house.call("access.users.list"))["users"]) == 1


async def test_there_is_a_limit_of_users(autojump_clock):
    async with open_access_house() as house:
        for number in range(store.MOST_USERS):
            await house.add_user(f"user{number}")
        with pytest.raises(ClientError, match="limit"):
            await house.add_user("one more")


async def test_a_deleted_user_is_out_at_once(autojump_clock):
    async with open_access_house() as house:
        made = await house.add_user("anna")
        await house.add_user("ben")
        socket, watcher = house.client(user="anna"), house.client()
        await house.told(watcher)
        await house.told(socket)
        answer = await house.call("access.delete_user", house.caller("ben"), username="anna")
        assert answer == {"username": "anna", "action": "user_deleted"}
        with pytest.raises(TokenRefused):
            house.accounts.token_account(made["token"])
        wanted = [("notify_user_deleted", [{"username": "anna"}])]
        assert await house.told(watcher) == wanted
        assert await house.told(socket) == wanted
        assert not socket.authorized
        # A new user of that name does not inherit the old one's tokens.
        await house.add_user("anna")
        with pytest.raises(TokenRefused):
            house.accounts.token_account(made["token"])


async def test_who_cannot_be_deleted(autojump_clock):
    async with open_access_house() as house:
        await house.add_user("anna")
        for name in ("anna", "ghost", TRUSTED_USER, API_KEY_USER):
            with pytest.raises(ClientError) as refused:
                await house.call("access.delete_user", house.caller("anna"), username=name)
            assert refused.value.status == 400
        await house.call("access.delete_user", username="anna")
        assert not house.accounts.has_users


async def test_somebody_stays_admin(autojump_clock):
    async with open_access_house() as house:
        with pytest.raises(ClientError, match="administer"):
            await house.add_user("guest", role="view")
        await house.add_user("anna")
        await house.add_user("guest", role="view")
        with pytest.raises(ClientError, match="administer"):
            await house.call("access.user.role", username="anna", role="operate")
        with pytest.raises(ClientError, match="administer"):
            await house.call("access.delete_user", username="anna")
        await house.call("access.user.role", username="guest", role="ADMIN")
        await house.call("access.delete_user", username="anna")


async def test_a_role_takes_effect_at_once(autojump_clock):
    async with open_access_house() as house:
        await house.add_user("anna")
        made = await house.add_user("ben")
        socket = house.client(user="ben")
        answer = await house.call("access.user.role", username="ben", role="view")
        assert answer == {"username": "ben", "role": "view", "action": "user_role_set"}
        assert house.accounts.token_account(made["token"]).role is Role.VIEW
        await house.told(socket)
        assert (socket.authorized, socket.role) == (True, Role.VIEW)
        with pytest.raises(ClientError, match="no user"):
            await house.call("access.user.role", username="ghost", role="view")


async def test_the_api_key(autojump_clock):
    async with open_access_house() as house:
        first = await house.call("access.get_api_key")
        assert len(first) == 32
        int(first, 16)
        account = house.accounts.key_account(first)
        assert (account.username, account.role) == (API_KEY_USER, Role.ADMIN)
        socket = house.client(user=API_KEY_USER)
        second = await house.call("access.post_api_key")
        assert await house.call("access.get_api_key") == second
        assert house.accounts.key_account(first) is None
        assert house.accounts.key_account(second) is not None
        for wrong in ("", "x", second[:-1], second + "0", "ü" * 32, "\ud800", "0" * 10000):
            assert house.accounts.key_account(wrong) is None
        await house.told(socket)
        assert socket.authorized


async def test_keys_that_are_off(autojump_clock):
    async with open_access_house(enable_api_key=False) as house:
        key = await house.call("access.get_api_key")
        named = await house.call("access.keys.create", name="phone")
        assert house.accounts.key_account(key) is None
        assert house.accounts.key_account(named["api_key"]) is None


async def test_named_keys(autojump_clock):
    async with open_access_house() as house:
        phone = await house.call("access.keys.create", name="phone", role="view")
        panel = await house.call("access.keys.create", name="panel")
        listed = (await house.call("access.keys.list"))["keys"]
        assert [(key["name"], key["role"]) for key in listed] == [
            ("phone", "view"),
            ("panel", "admin"),
        ]
        assert "api_key" not in listed[0]
        account = house.accounts.key_account(phone["api_key"])
        assert (account.username, account.role) == (f"{API_KEY_USER}:phone", Role.VIEW)
        mine = await house.call("access.get_user", house.caller(account.username))
        assert mine["username"] == account.username
        sockets = [house.client(user=f"{API_KEY_USER}:{name}") for name in ("phone", "panel")]
        token = await house.call("access.oneshot_token", house.caller(account.username))
        await house.call("access.keys.revoke", name="phone")
        assert house.accounts.key_account(phone["api_key"]) is None
        assert house.accounts.take_oneshot(token, "192.0.2.5") is None
        assert house.accounts.key_account(panel["api_key"]) is not None
        assert await house.told(sockets[0]) == []
        assert [socket.authorized for socket in sockets] == [False, True]
        texts = await house.rows("SELECT * FROM named_keys")
        assert panel["api_key"] not in str(texts)
        for params in ({"name": "panel"}, {"name": ""}, {"name": "x", "role": "root"}):
            with pytest.raises(ClientError):
                await house.call("access.keys.create", **params)
        with pytest.raises(ClientError, match="no key"):
            await house.call("access.keys.revoke", name="phone")


async def test_changes_from_outside_are_noticed(autojump_clock):
    database = MemoryDatabase()
    async with open_access_house(database=database) as house:
        made = await house.add_user("anna")
        watcher = house.client()
        # As another process does it: past the book.
        await database.run(lambda c: store.remove_user(c, "anna"))
        assert house.accounts.token_account(made["token"])
        house.authorization._book._data_version = -1  # what SQLite's own counter would say
        await trio.sleep(2.1)
        with pytest.raises(TokenRefused):
            house.accounts.token_account(made["token"])
        assert ("notify_user_deleted", [{"username": "anna"}]) in await house.told(watcher)


async def test_a_full_disk_changes_nothing(autojump_clock):
    database = MemoryDatabase()
    async with open_access_house(database=database) as house:
        made = await house.add_user("anna")
        database.failure = ClientError("The disk is full, nothing was stored", 507)
        for method, params in (
            ("access.post_user", {"username": "ben", "password": "x"}),
            ("access.delete_user", {"username": "anna"}),
            ("access.post_api_key", {}),
            ("access.keys.create", {"name": "phone"}),
        ):
            with pytest.raises(ClientError) as refused:
                await house.call(method, **params)
            assert refused.value.status == 507
        assert house.accounts.token_account(made["token"])
        # Who is logged in anywhere can log in here, and nothing ends.
        assert (await house.login("anna"))["username"] == "anna"
        await trio.sleep(10)
        assert house.accounts.token_account(made["token"])


async def test_many_changes_at_once_are_all_told(autojump_clock):
    async with open_access_house() as house:
        await house.add_user("root")
        for number in range(150):
            await house.add_user(f"user{number}")
        watcher = house.client()
        await house.told(watcher)

        def remove_all(connection):
            for number in range(150):
                store.remove_user(connection, f"user{number}")

        await house.authorization._book.change(remove_all)
        told = [name for name, _ in await house.told(watcher)]
        assert told == ["notify_user_deleted"] * 150


class SlowToAnswer(MemoryDatabase):
    """Does what it is asked at once, and says so a second later."""

    async def run(self, function, *, durable=False):
        result = await super().run(function, durable=durable)
        if durable:
            await trio.sleep(1)
        return result


async def test_a_client_that_goes_while_it_deletes(autojump_clock):
    async with open_access_house(database=SlowToAnswer()) as house:
        made = await house.add_user("anna")
        with trio.move_on_after(0.5) as gone:
            await house.call("access.delete_user", username="anna")
        assert gone.cancelled_caught
        await trio.sleep(2.1)
        with pytest.raises(TokenRefused):
            house.accounts.token_account(made["token"])


async def test_of_two_changes_the_later_one_stands(autojump_clock):
    class Overtaking(MemoryDatabase):
        delays_s = [0.0, 0.0, 3.0, 0.1]

        async def run(self, function, *, durable=False):
            result = await super().run(function, durable=durable)
            if durable:
                await trio.sleep(self.delays_s.pop(0) if self.delays_s else 0)
            return result

    async with open_access_house(database=Overtaking()) as house:
        await house.add_user("anna")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(house.add_user, "ben")
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(house.add_user, "carl")
        listed = (await house.call("access.users.list"))["users"]
        assert [user["username"] for user in listed] == ["anna", "ben", "carl"]
