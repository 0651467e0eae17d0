"""One-shot tokens: one request by query string, in time and from the address that fetched it."""

import msgspec

from mrk.access.accounts import Account
from mrk.short_digests import sha256

LIFE_S = 5.0
# Over it the oldest goes; each lives 5 s, and only authorized callers fetch them.
MOST = 256
# Base32 makes 32 characters of them.
RANDOM_BYTES = 20
_TEXT_CHARS = 32


class _Fetched(msgspec.Struct, frozen=True):
    account: Account | None
    address: str
    ends_s: float


class OneshotTokens:
    """Those that wait for their use. Times are of any clock that never goes back."""

    def __init__(self) -> None:
        # By hash, so that looking one up tells nothing of how much of a guess was right.
        self._fetched: dict[bytes, _Fetched] = {}

    def __len__(self) -> int:
        return len(self._fetched)

    def add(self, text: str, account: Account | None, address: str, now_s: float) -> None:
        """Remember a token for its use; `account` None authorizes nothing."""
        # In order of their end, because all live equally long.
        while self._fetched:
            oldest = next(iter(self._fetched))
            if len(self._fetched) < MOST and self._fetched[oldest].ends_s > now_s:
                break
            del self._fetched[oldest]
        self._fetched[_digest(text)] = _Fetched(account, address, now_s + LIFE_S)

    def take(self, text: str, address: str, now_s: float) -> Account | None:
        """Who fetched it, if it is still good for this client; it is used up in any case."""
        if len(text) != _TEXT_CHARS or not text.isascii():
            return None
        fetched = self._fetched.pop(_digest(text), None)
        if fetched is None or fetched.ends_s <= now_s or fetched.address != address:
            return None
        return fetched.account

    def forget(self, username: str) -> None:
        """Drop those that a user fetched."""
        kept = {
            digest: fetched
            for digest, fetched in self._fetched.items()
            if fetched.account is None or fetched.account.username != username
        }
        self._fetched = kept


def _digest(text: str) -> bytes:
    return sha256(text.encode()).digest()
