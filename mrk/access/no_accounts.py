"""A daemon without users and keys: addresses alone decide."""

from mrk.access.accounts import Account, TokenRefused


class NoAccounts:
    """Implements `Accounts`."""

    has_users = False

    def token_account(self, token: str, *, expired_too: bool = False) -> Account:
        """Nobody's."""
        raise TokenRefused("there are no users")

    def take_oneshot(self, token: str, address: str) -> Account | None:
        """Nobody's."""

    def key_account(self, key: str) -> Account | None:
        """Nobody's."""
