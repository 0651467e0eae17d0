"""What a decision needs of users, tokens and keys; `nurseries/access` stands behind it.

Nothing here waits: users and keys are in memory from the start of a generation on.
"""

from typing import Protocol

import msgspec

from mrk.definitions.roles import Role
from mrk.errors import MrkError

# Names that no user may have; clients know them.
TRUSTED_USER = "_TRUSTED_USER_"
API_KEY_USER = "_API_KEY_USER_"
MOONRAKER = "moonraker"
LDAP = "ldap"


class TokenRefused(MrkError):
    """A token that names nobody; the text says why (for the log, never with the token in it)."""


class Account(msgspec.Struct, frozen=True):
    """Who a credential stands for. `created_on` is in Unix seconds, `source` moonraker or ldap."""

    username: str
    source: str
    role: Role
    created_on: float


class Accounts(Protocol):
    """Users, their tokens, and keys."""

    @property
    def has_users(self) -> bool:
        """Whether any user exists; `force_logins` waits for the first."""

    @property
    def tokens_loaded(self) -> bool:
        """Whether a token can be looked at without asking the disk."""

    async def load_tokens(self) -> None:
        """Wait until `tokens_loaded`."""

    def token_account(self, token: str, *, expired_too: bool = False) -> Account:
        """The user whom an access token names. Raises `TokenRefused`."""

    def take_oneshot(self, token: str, address: str) -> Account | None:
        """Who fetched a one-shot token that is valid for this client; asking uses it up."""

    def key_account(self, key: str) -> Account | None:
        """Whom an API key stands for; None for a wrong key, and when keys are off."""
