"""Users, tokens and keys in memory, for whoever judges requests."""

from dataclasses import dataclass, field

import trio

from mrk.access.accounts import API_KEY_USER, MOONRAKER, Account, TokenRefused
from mrk.definitions.roles import Role


def user(username: str, role: Role = Role.ADMIN) -> Account:
    return Account(username, MOONRAKER, role, 1_700_000_000.0)


@dataclass
class FakeAccounts:
    """Tokens are plain words: `tokens` good ones, `expired` old ones; `keys` are API keys.

    `oneshots` maps a token to the address it was fetched from; asking uses it up.
    """

    has_users: bool = False
    tokens: dict[str, Account] = field(default_factory=dict)
    expired: dict[str, Account] = field(default_factory=dict)
    keys: dict[str, Account] = field(default_factory=dict)
    oneshots: dict[str, tuple[str, Account]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tokens_loaded: bool = True
    loading: trio.Event = field(default_factory=trio.Event)

    def add_user(self, username: str, role: Role = Role.ADMIN) -> Account:
        """A user with the token `<username>-token` and the expired one `<username>-old`."""
        account = user(username, role)
        self.has_users = True
        self.tokens[f"{username}-token"] = account
        self.expired[f"{username}-old"] = account
        return account

    def add_key(self, key: str, role: Role = Role.ADMIN) -> Account:
        account = self.keys[key] = user(API_KEY_USER, role)
        return account

    async def load_tokens(self) -> None:
        """Waits for `loading` where `tokens_loaded` says no."""
        await trio.lowlevel.checkpoint()
        if not self.tokens_loaded:
            await self.loading.wait()
            self.tokens_loaded = True

    def token_account(self, token: str, *, expired_too: bool = False) -> Account:
        self.asked.append(token)
        if token in self.tokens:
            return self.tokens[token]
        if expired_too and token in self.expired:
            return self.expired[token]
        raise TokenRefused("expired" if token in self.expired else "no such token")

    def take_oneshot(self, token: str, address: str) -> Account | None:
        self.asked.append(token)
        fetched_from, account = self.oneshots.pop(token, ("", None))
        return account if fetched_from == address else None

    def key_account(self, key: str) -> Account | None:
        self.asked.append(key)
        return self.keys.get(key)
