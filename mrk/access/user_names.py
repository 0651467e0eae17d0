"""Which names users and keys may have, and which sources there are."""

from mrk.access.accounts import API_KEY_USER, LDAP, MOONRAKER, TRUSTED_USER
from mrk.definitions.roles import ROLE_WORDS, Role
from mrk.errors import ClientError

NAME_CHARS = 64
SOURCES = (MOONRAKER, LDAP)


def is_reserved(name: str) -> bool:
    """Whether a name stands for trusted clients or for keys, and never for a person."""
    return name == TRUSTED_USER or name.startswith(API_KEY_USER)


def checked_name(argument: str, name: str) -> str:
    """The name; raises `ClientError` 400 naming the argument for one that cannot be used."""
    if not name.strip():
        raise ClientError(f"Argument '{argument}' is empty: give a name")
    if name != name.strip() or not name.isprintable():
        raise ClientError(
            f"Argument '{argument}' begins or ends with a blank or has a control character"
        )
    if len(name) > NAME_CHARS:
        raise ClientError(f"Argument '{argument}' is longer than {NAME_CHARS} characters")
    if is_reserved(name):
        raise ClientError(f"Argument '{argument}': '{name}' is reserved, take another name")
    return name


def checked_source(source: str | None, default: str) -> str:
    """`moonraker` or `ldap`; raises `ClientError` 400 for another word."""
    if source is None:
        return default
    if source.lower() not in SOURCES:
        raise ClientError(f"Argument 'source': '{source[:40]}' given, moonraker or ldap expected")
    return source.lower()


def role_of(word: str | None) -> Role:
    """A role by its word, admin for None; raises `ClientError` 400 for another word."""
    if word is None:
        return Role.ADMIN
    if word.lower() not in ROLE_WORDS:
        expected = ", ".join(ROLE_WORDS)
        raise ClientError(f"Argument 'role': '{word[:40]}' given, one of {expected} expected")
    return Role[word.upper()]
