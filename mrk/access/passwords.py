"""How passwords are kept: scrypt, its cost written beside the result so that it can be raised.

Accounts taken over from Moonraker carry PBKDF2-HMAC-SHA256 until their first log-in. Every check
costs the same, whoever it is for, so that its time tells nothing. It computes for about 0.1 s
and 16 MB here: for a thread only.
"""

import hashlib
import hmac
import re

import msgspec

from mrk.access.redacted import Redacted
from mrk.errors import ClientError

SALT_BYTES = 16
HASH_BYTES = 32
# More would only keep the thread busy.
PASSWORD_BYTES = 1024
# Moonraker's.
PBKDF2_ROUNDS = 100_000
_STORED = r"scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([0-9a-f]{2,128})\$([0-9a-f]{64})"
# No stored text makes the thread take more than this.
_MAX_MEMORY_BYTES = 64 * 1024 * 1024


class Cost(msgspec.Struct, frozen=True):
    """scrypt's parameters: memory is 128 * 2**log2_n * r bytes, time grows with p."""

    log2_n: int = 14
    r: int = 8
    p: int = 3


CURRENT = Cost()


class StoredPassword(Redacted, frozen=True):
    """What the database holds of a password; `salt` is empty unless it came from Moonraker."""

    password: str
    salt: str = ""

    @property
    def is_imported(self) -> bool:
        """Whether it is still as Moonraker wrote it."""
        return bool(self.salt)


class Verdict(Redacted, frozen=True):
    """Whether the password was right; `renewed` then is what to store in place of an old kind."""

    right: bool
    renewed: str | None = None


def encoded(text: str) -> bytes:
    """A password's bytes, whatever JSON let through."""
    return text.encode("utf-8", "surrogatepass")


def chosen(text: str) -> bytes:
    """A new password's bytes; raises `ClientError` 400 for one that cannot be."""
    data = encoded(text)
    if not data:
        raise ClientError("The password is empty: choose one")
    if len(data) > PASSWORD_BYTES:
        raise ClientError(f"The password is longer than {PASSWORD_BYTES} bytes")
    return data


def hashed(password: bytes, salt: bytes, cost: Cost = CURRENT) -> str:
    """The text to store."""
    result = _scrypt(password, salt, cost)
    return f"scrypt${cost.log2_n}${cost.r}${cost.p}${salt.hex()}${result.hex()}"


def check(
    password: bytes,
    stored: StoredPassword | None,
    fresh_salt: bytes,
    *,
    imported_left: bool,
    cost: Cost = CURRENT,
) -> Verdict:
    """Compare `password` with what is stored; None (nobody of that name) takes as long.

    While accounts of Moonraker are left (`imported_left`), every check pays for theirs too.
    """
    is_imported = stored is not None and stored.is_imported
    pbkdf2 = b""
    if imported_left or is_imported:
        salt = _from_hex(stored.salt) if stored is not None and is_imported else fresh_salt
        pbkdf2 = hashlib.pbkdf2_hmac("sha256", password, salt, PBKDF2_ROUNDS)
    if stored is None or stored.is_imported:
        renewed = hashed(password, fresh_salt, cost)
        wanted = _from_hex(stored.password) if stored is not None else b""
        right = hmac.compare_digest(pbkdf2, wanted) and bool(wanted)
        return Verdict(right, renewed if right else None)
    return _check_scrypt(password, stored, fresh_salt, cost)


def _check_scrypt(
    password: bytes, stored: StoredPassword, fresh_salt: bytes, cost: Cost
) -> Verdict:
    match = re.fullmatch(_STORED, stored.password)
    if match is None:
        _scrypt(password, fresh_salt, cost)
        return Verdict(False)
    written = Cost(*(int(number) for number in match.groups()[:3]))
    try:
        salt, wanted = (bytes.fromhex(text) for text in match.groups()[3:])
        result = _scrypt(password, salt, written)
    except ValueError:  # half a byte, or a cost that scrypt or our memory does not allow
        return Verdict(False)
    right = hmac.compare_digest(result, wanted)
    outdated = right and written != cost
    return Verdict(right, hashed(password, fresh_salt, cost) if outdated else None)


def _scrypt(password: bytes, salt: bytes, cost: Cost) -> bytes:
    return hashlib.scrypt(
        password,
        salt=salt,
        n=1 << cost.log2_n,
        r=cost.r,
        p=cost.p,
        maxmem=_MAX_MEMORY_BYTES,
        dklen=HASH_BYTES,
    )


def _from_hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
