"""access.* about API keys: the one of the installation, and named ones. For admins.

What one socket asks is done in its order (`account_turns.py`).
"""

from mrk.access.keys import checked_key_name
from mrk.access.user_names import role_of
from mrk.api.caller import NOT_OVER_MQTT, Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, get, post
from mrk.definitions.roles import Role
from nurseries.access import store
from nurseries.access.account_cache import AccountCache
from nurseries.access.account_turns import AccountTurns
from nurseries.access.messages import (
    KeyList,
    KeyParams,
    KeyRevokedAnswer,
    ListedKey,
    NewKey,
    NewKeyParams,
)


class KeyEndpoints:
    """Keeps the keys."""

    def __init__(self, book: AccountCache, turns: AccountTurns) -> None:
        self._book = book
        self._turns = turns

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return [
            get(
                "/access/api_key",
                self.get_api_key,
                "Return the API key.",
                Access.ADMIN,
                result=str,
                transports=NOT_OVER_MQTT,
            ),
            post(
                "/access/api_key",
                self.post_api_key,
                "Replace the API key by a new one and return it.",
                Access.ADMIN,
                result=str,
                transports=NOT_OVER_MQTT,
            ),
            get(
                "/access/keys/list",
                self.list_keys,
                "List the named API keys, without their texts.",
                Access.ADMIN,
                result=KeyList,
                transports=NOT_OVER_MQTT,
            ),
            post(
                "/access/keys/create",
                self.create_key,
                "Make a named API key; its text is shown this once.",
                Access.ADMIN,
                NewKeyParams,
                NewKey,
                transports=NOT_OVER_MQTT,
            ),
            post(
                "/access/keys/revoke",
                self.revoke_key,
                "Revoke a named API key; sockets that came with it are shut out.",
                Access.ADMIN,
                KeyParams,
                KeyRevokedAnswer,
                transports=NOT_OVER_MQTT,
            ),
        ]

    async def get_api_key(self, _params: NoParams, caller: Caller) -> str:
        """The key, although `enable_api_key` may be off."""
        async with self._turns.turn(caller, Role.ADMIN):
            return self._book.snapshot.api_key

    async def post_api_key(self, _params: NoParams, caller: Caller) -> str:
        """A new key; who came with the old one stays."""
        async with self._turns.turn(caller, Role.ADMIN):
            now_s = self._book.wall_clock()
            await self._book.change(lambda connection: store.replace_api_key(connection, now_s))
            return self._book.snapshot.api_key

    async def list_keys(self, _params: NoParams, caller: Caller) -> KeyList:
        """Named keys, oldest first."""
        async with self._turns.turn(caller, Role.ADMIN):
            named = (key for key in self._book.snapshot.keys if key.name)
            return KeyList([ListedKey(key.name, key.role.word, key.created_on) for key in named])

    async def create_key(self, params: NewKeyParams, caller: Caller) -> NewKey:
        """A key of 32 hexadecimal digits."""
        name, role = checked_key_name(params.name), role_of(params.role)
        async with self._turns.turn(caller, Role.ADMIN):
            now_s = self._book.wall_clock()
            text = await self._book.change(lambda c: store.create_key(c, name, role, now_s))
        return NewKey(name, role.word, now_s, text)

    async def revoke_key(self, params: KeyParams, caller: Caller) -> KeyRevokedAnswer:
        """Its bearers are out at once."""
        name = params.name
        async with self._turns.turn(caller, Role.ADMIN):
            await self._book.change(lambda connection: store.revoke_key(connection, name))
        return KeyRevokedAnswer(name)
