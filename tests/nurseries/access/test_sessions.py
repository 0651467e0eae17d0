"""access.*: log-in, logout, tokens, and what open sockets feel of them."""

import pytest
import trio

from config.settings.authorization import AuthorizationSettings
from mrk.access.accounts import API_KEY_USER, TRUSTED_USER, TokenRefused
from mrk.access.reasons import Reason
from mrk.api.caller import Caller, Transport
from mrk.clients.registry import Clients
from mrk.errors import ClientError
from nurseries.access.authorization import Authorization
from nurseries.testing.memory_database import MemoryDatabase
from tests.fakes.access_house import (
    ADDRESS,
    FakeDirectory,
    import_moonraker_users,
    open_access_house,
)
from tests.fakes.house import notes


async def test_a_user_logs_in_and_out(autojump_clock):
    async with open_access_house() as house:
        made = await house.add_user("anna")
        assert (made["action"], made["source"]) == ("user_created", "moonraker")
        answer = await house.login("anna")
        assert set(answer) == {"username", "token", "refresh_token", "action", "source"}
        assert answer["action"] == "user_logged_in"
        assert house.accounts.token_account(answer["token"]).username == "anna"
        out = await house.call("access.logout", house.caller("anna"))
        assert out == {"username": "anna", "action": "user_logged_out"}
        for token in (answer["token"], made["token"]):
            with pytest.raises(TokenRefused):
                house.accounts.token_account(token)
        with pytest.raises(ClientError) as refused:
            await house.call("access.refresh_jwt", refresh_token=answer["refresh_token"])
        assert refused.value.status == 401
        again = await house.login("anna")
        assert house.accounts.token_account(again["token"]).username == "anna"


async def test_sessions_share_a_key_id_until_logout(autojump_clock):
    async with open_access_house() as house:
        first = await house.add_user("anna")
        second = await house.login("anna")
        assert house.accounts.token_account(first["token"])
        assert house.accounts.token_account(second["token"])


async def test_refresh(autojump_clock):
    async with open_access_house(login_timeout_days=2) as house:
        made = await house.add_user("anna")
        house.now_s += 3601
        with pytest.raises(TokenRefused, match="expired"):
            house.accounts.token_account(made["token"])
        assert house.accounts.token_account(made["token"], expired_too=True)
        fresh = await house.call("access.refresh_jwt", refresh_token=made["refresh_token"])
        assert (fresh["username"], fresh["action"]) == ("anna", "user_jwt_refresh")
        assert house.accounts.token_account(fresh["token"]).username == "anna"
        with pytest.raises(ClientError, match="access token"):
            await house.call("access.refresh_jwt", refresh_token=fresh["token"])
        with pytest.raises(TokenRefused, match="refresh token"):
            house.accounts.token_account(made["refresh_token"])
        house.now_s += 2 * 86400
        with pytest.raises(ClientError, match="expired"):
            await house.call("access.refresh_jwt", refresh_token=made["refresh_token"])


async def test_tokens_outlive_a_restart(autojump_clock):
    database = MemoryDatabase()
    async with open_access_house(database=database) as house:
        made = await house.add_user("anna")
    async with open_access_house(database=database) as house:
        assert house.accounts.has_users
        assert house.accounts.token_account(made["token"]).username == "anna"


async def test_before_anything_is_loaded_nobody_is_let_in(autojump_clock):
    book = Authorization(AuthorizationSettings(), MemoryDatabase(), Clients()).accounts
    # There may be users: trusted clients wait, too, where log-ins are forced.
    assert book.has_users
    assert book.key_account("x") is None
    assert book.take_oneshot("A" * 32, ADDRESS) is None
    with pytest.raises(TokenRefused):
        book.token_account("x.y.z")


async def test_all_refusals_are_the_same(autojump_clock):
    directory = FakeDirectory()
    directory.users["lena"] = ("secret", "lena")
    async with open_access_house(directory=directory) as house:
        await house.add_user("anna")
        await house.call("access.login", username="lena", password="secret", source="ldap")
        tries = [
            ("anna", "wrong", "moonraker"),
            ("anna", "", "moonraker"),
            ("nobody", "secret", "moonraker"),
            (API_KEY_USER, "secret", "moonraker"),
            (TRUSTED_USER, "", "moonraker"),
            ("lena", "secret", "moonraker"),
            ("lena", "", "moonraker"),
            ("anna", "secret", "ldap"),
            ("lena", "wrong", "LDAP"),
            ("lena", "", "ldap"),
            ("nobody", "x", "ldap"),
            ("anna", "secret" * 1000, "moonraker"),
        ]
        seen = set()
        for number, (name, password, source) in enumerate(tries):
            caller = house.caller(None, address=f"198.51.100.{number}")
            params = {"username": name, "password": password, "source": source}
            with pytest.raises(ClientError) as refused:
                await house.call("access.login", caller, **params)
            seen.add((refused.value.status, refused.value.message, refused.value.data))
        directory.is_up = False
        with pytest.raises(ClientError) as refused:
            await house.call("access.login", username="lena", password="secret", source="ldap")
        seen.add((refused.value.status, refused.value.message, refused.value.data))
        assert len(seen) == 1, seen


async def test_each_local_refusal_costs_one_check(autojump_clock):
    async with open_access_house() as house:
        await house.add_user("anna")
        for name in ("anna", "nobody", TRUSTED_USER):
            before = house.hasher.checks
            with pytest.raises(ClientError):
                await house.login(name, "wrong", address=None)
            assert house.hasher.checks == before + 1


async def test_ldap_users_are_made_by_their_first_log_in(autojump_clock):
    directory = FakeDirectory()
    directory.users["Lena"] = ("secret", "lena")
    async with open_access_house(directory=directory, default_source="ldap") as house:
        watcher = house.client()
        answer = await house.login("Lena")
        assert (answer["username"], answer["source"]) == ("lena", "ldap")
        assert answer["action"] == "user_logged_in"
        assert await house.told(watcher) == []
        assert (await house.call("access.users.list"))["users"][0]["source"] == "ldap"
        await house.login("Lena")
        with pytest.raises(ClientError, match="LDAP"):
            await house.call(
                "access.user.password", house.caller("lena"), password="a", new_password="b"
            )
        with pytest.raises(ClientError, match="source=moonraker"):
            await house.add_user("anna")
        await house.add_user("anna", source="moonraker")


async def test_ldap_does_not_take_a_local_user_over(autojump_clock):
    directory = FakeDirectory()
    directory.users["anna"] = ("theirs", "anna")
    async with open_access_house(directory=directory) as house:
        await house.add_user("anna")
        with pytest.raises(ClientError):
            await house.call("access.login", username="anna", password="theirs", source="ldap")


async def test_sources(autojump_clock):
    async with open_access_house() as house:
        info = await house.call("access.info")
        assert info["available_sources"] == ["moonraker"]
        with pytest.raises(ClientError, match="source"):
            await house.call("access.login", username="a", password="b", source="pam")
    async with open_access_house(directory=FakeDirectory(), default_source="ldap") as house:
        info = await house.call("access.info")
        assert info["default_source"] == "ldap"
        assert info["available_sources"] == ["moonraker", "ldap"]


async def test_an_account_of_moonraker_logs_in_and_is_renewed(autojump_clock):
    database = MemoryDatabase()
    await import_moonraker_users(database)
    async with open_access_house(database=database) as house:
        with pytest.raises(ClientError):
            await house.login("olduser", "old password 1")
        answer = await house.login("olduser", "old pässword 1")
        ((password, salt),) = await house.rows("SELECT password, salt FROM users")
        assert password.startswith("scrypt$2$1$1$")
        assert salt == ""
        assert house.accounts.token_account(answer["token"])
        assert (await house.login("olduser", "old pässword 1"))["username"] == "olduser"
        key = await house.call("access.get_api_key")
        assert house.accounts.key_account(key).username == API_KEY_USER


async def test_a_socket_becomes_the_users(autojump_clock):
    async with open_access_house() as house:
        await house.add_user("anna")
        stranger = house.client(authorized=False)
        caller = Caller(
            Transport.WEBSOCKET, authorized=False, connection_id=stranger.id, address=ADDRESS
        )
        await house.call("access.login", caller, username="anna", password="secret")
        assert (stranger.authorized, stranger.user) == (True, "anna")


@pytest.mark.parametrize(("address", "logged_in"), [(ADDRESS, True), ("192.0.2.6", False)])
async def test_http_logs_a_websocket_in(address, logged_in, autojump_clock):
    async with open_access_house() as house:
        await house.add_user("anna")
        stranger = house.client(authorized=False, address=address)
        caller = house.caller(None, authorized=False, connection_id=stranger.id)
        await house.call("access.login", caller, username="anna", password="secret")
        assert stranger.authorized is logged_in


async def test_logout_reaches_open_sockets_behind_the_answer(autojump_clock):
    async with open_access_house() as house:
        await house.add_user("anna")
        hers, trusted = house.client(user="anna"), house.client()
        unix = house.client(Transport.UNIX, user="anna", address=None)
        await house.told(trusted)
        await house.told(hers)
        await house.told(unix)
        await house.call("access.logout", house.caller("anna"))
        # Out at once, and told behind the answer.
        assert (hers.authorized, hers.user) == (False, None)
        assert notes(hers) == []
        wanted = [("notify_user_logged_out", [{"username": "anna"}])]
        for client in (hers, trusted, unix):
            assert await house.told(client) == wanted
        assert (unix.authorized, unix.user) == (True, None)
        assert trusted.authorized


@pytest.mark.parametrize("user", [None, TRUSTED_USER, API_KEY_USER, "gone"])
async def test_only_users_log_out(user, autojump_clock):
    async with open_access_house() as house:
        for method, params in (
            ("access.logout", {}),
            ("access.user.password", {"password": "a", "new_password": "b"}),
        ):
            with pytest.raises(ClientError) as refused:
                await house.call(method, house.caller(user), **params)
            assert refused.value.status == 400


async def test_who_one_is(autojump_clock):
    async with open_access_house() as house:
        await house.add_user("anna")
        anna = await house.call("access.get_user", house.caller("anna"))
        assert (anna["username"], anna["source"]) == ("anna", "moonraker")
        assert anna["created_on"] >= house.now_s
        for name in (TRUSTED_USER, API_KEY_USER):
            known = await house.call("access.get_user", house.caller(name))
            assert (known["username"], known["source"]) == (name, "moonraker")
            assert known["created_on"] is not None
        unix = Caller(Transport.UNIX)
        nobody = {"username": None, "source": None, "created_on": None}
        assert await house.call("access.get_user", unix) == nobody


async def test_one_shot_tokens(autojump_clock):
    async with open_access_house() as house:
        await house.add_user("root")
        await house.add_user("anna", role="operate")

        async def fetch(user: str | None = "anna") -> str:
            return await house.call("access.oneshot_token", house.caller(user))

        token = await fetch()
        assert len(token) == 32
        account = house.accounts.take_oneshot(token, ADDRESS)
        assert account is not None
        assert (account.username, account.role.word) == ("anna", "operate")
        assert house.accounts.take_oneshot(token, ADDRESS) is None
        stolen = await fetch()
        assert house.accounts.take_oneshot(stolen, "192.0.2.99") is None
        assert house.accounts.take_oneshot(stolen, ADDRESS) is None
        late = await fetch()
        await trio.sleep(5)
        assert house.accounts.take_oneshot(late, ADDRESS) is None
        assert house.accounts.take_oneshot(await fetch(TRUSTED_USER), ADDRESS) is not None
        assert house.accounts.take_oneshot(await fetch(None), ADDRESS) is None
        with pytest.raises(ClientError, match="address"):
            await house.call("access.oneshot_token", Caller(Transport.UNIX))
        ended = await fetch()
        await house.call("access.logout", house.caller("anna"))
        assert house.accounts.take_oneshot(ended, ADDRESS) is None


async def test_info_tells_how_the_caller_is_judged(autojump_clock):
    async with open_access_house(force_logins=True) as house:
        stranger = house.caller(None, authorized=False, trusted=False, reason=Reason.STRANGER)
        info = await house.call("access.info", stranger)
        assert info["login_required"] is False
        assert (info["trusted"], info["authorized"], info["role"]) == (False, False, None)
        assert "trusted_clients" in info["reason"]
        await house.add_user("anna")
        info = await house.call("access.info", house.caller(trusted=True))
        assert (info["login_required"], info["trusted"]) == (True, True)
        assert (info["user"], info["role"]) == (TRUSTED_USER, "admin")
        assert (await house.call("access.info", Caller(Transport.UNIX)))["trusted"] is None


async def test_a_new_password(autojump_clock):
    async with open_access_house() as house:
        made = await house.add_user("anna")
        anna = house.caller("anna")
        with pytest.raises(ClientError, match="current password"):
            await house.call("access.user.password", anna, password="no", new_password="new")
        answer = await house.call(
            "access.user.password", anna, password="secret", new_password="new"
        )
        assert answer == {"username": "anna", "action": "user_password_reset"}
        assert house.accounts.token_account(made["token"])
        await house.login("anna", "new")
        with pytest.raises(ClientError):
            await house.login("anna", "secret")


async def test_never_over_mqtt(autojump_clock):
    async with open_access_house() as house:
        for endpoint in house.authorization.endpoints():
            assert Transport.MQTT not in endpoint.transports
