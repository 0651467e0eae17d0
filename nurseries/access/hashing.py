"""Passwords hashed in a thread, one at a time: 16 MB and a core's tenth of a second each."""

import os
from typing import Protocol

import trio

from mrk.access import passwords
from mrk.access.passwords import CURRENT, StoredPassword, Verdict


class PasswordHashing(Protocol):
    """Hashes and checks passwords, off the event loop."""

    async def hash(self, password: str) -> str: ...

    async def check(
        self, password: str, stored: StoredPassword | None, *, imported_left: bool
    ) -> Verdict: ...


class Hasher:
    """scrypt at its current cost. Those who wait are bounded by whoever calls."""

    def __init__(self) -> None:
        self._one = trio.CapacityLimiter(1)

    async def hash(self, password: str) -> str:
        """The text to store. Raises `ClientError` 400 for a password that cannot be."""
        data = passwords.chosen(password)
        salt = os.urandom(passwords.SALT_BYTES)
        return await trio.to_thread.run_sync(
            passwords.hashed, data, salt, CURRENT, limiter=self._one, abandon_on_cancel=True
        )

    async def check(
        self, password: str, stored: StoredPassword | None, *, imported_left: bool
    ) -> Verdict:
        """Whether a password is the stored one; takes as long for None, which is nobody's."""
        data = passwords.encoded(password)
        if not data or len(data) > passwords.PASSWORD_BYTES:
            data, stored = b"-", None
        salt = os.urandom(passwords.SALT_BYTES)

        def check() -> Verdict:
            return passwords.check(data, stored, salt, imported_left=imported_left, cost=CURRENT)

        return await trio.to_thread.run_sync(check, limiter=self._one, abandon_on_cancel=True)
