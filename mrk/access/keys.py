"""API keys: the one that clients can read back, and named ones of which only a hash is kept."""

import hmac
from collections.abc import Iterable

from mrk.access.accounts import API_KEY_USER, MOONRAKER, Account
from mrk.access.redacted import Redacted
from mrk.access.user_names import checked_name
from mrk.definitions.roles import Role
from mrk.short_digests import sha256

# As Moonraker's: 32 hexadecimal digits.
KEY_BYTES = 16
MOST_KEYS = 50
_LONGEST = 256
# What stands for no key: KlipperScreen's `moonraker_api_key: False` stood in its documentation, and
# programs write what their own language has for nothing. Another example's is `your_..._here`.
_NOTHING = frozenset({"false", "none", "null", "undefined"})
_EXAMPLE = "your"
_REPEATED = 4


class ApiKey(Redacted, frozen=True):
    """A key. `name` is empty for the one of the installation; `digest` is SHA-256 of its text."""

    name: str
    digest: bytes
    role: Role
    created_on: float

    @property
    def account(self) -> Account:
        """Whom its bearer is: `_API_KEY_USER_`, for a named key with its name behind a colon."""
        user = f"{API_KEY_USER}:{self.name}" if self.name else API_KEY_USER
        return Account(user, MOONRAKER, self.role, self.created_on)


def digest_of(text: str) -> bytes:
    """What is kept and compared of a key's text. It is random, so one round is enough."""
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def given_key(text: str) -> str:
    """The key that a client gives in a header or an argument; empty where that is none."""
    text = text.strip()
    return "" if _is_placeholder(text) else text


def _is_placeholder(text: str) -> bool:
    """Whether a program sends this where its user has entered no key. Keys never look like it.

    OrcaSlicer 2.4 sends 88888888; KlipperLCD, FreeDi and DWIN_T5UIC1_LCD come with XXXXXX.
    """
    plain = text[:_LONGEST].casefold()
    repeated = len(plain) >= _REPEATED and len(set(plain)) == 1
    return repeated or plain in _NOTHING or plain.startswith(_EXAMPLE)


def find_key(text: str, known: Iterable[ApiKey]) -> ApiKey | None:
    """The key of that text; takes as long whichever it is, and when it is none."""
    if len(text) > _LONGEST:
        return None
    asked = digest_of(text)
    found = None
    for one in known:
        if hmac.compare_digest(asked, one.digest):
            found = one
    return found


def checked_key_name(name: str) -> str:
    """The name of a key; raises `ClientError` 400 for one that cannot be."""
    return checked_name("name", name)
