"""Access and refresh tokens: JWT, HS256, one key per installation.

A token's `kid` belongs to its user and is replaced at logout, which ends all tokens of that user;
comparing it is up to who knows the users. The JWT library is loaded by `load_library`, which a
thread calls, because a slow disk takes seconds; without that, with the first token.
"""

import contextlib
import enum
import functools
import hmac
from typing import Any

import msgspec

from mrk.access.accounts import TokenRefused
from mrk.access.redacted import Redacted

ISSUER = "mrk"
# As Moonraker's; clients may look for it.
AUDIENCE = "Moonraker"
ALGORITHM = "HS256"
ACCESS_LIFE_S = 3600
# Ours have some 350; nobody's name makes one longer than this.
TOKEN_BYTES = 4096
KEY_BYTES = 32
# A board without a clock of its own starts in the past, until it reaches the network.
CLOCK_LATE_S = 24 * 3600


class TokenKind(enum.StrEnum):
    """What a token is good for; the claim `token_type`."""

    ACCESS = "access"
    REFRESH = "refresh"


class Claims(msgspec.Struct, frozen=True):
    """A token's body; times in whole Unix seconds."""

    iss: str
    aud: str
    iat: int
    exp: int
    username: str
    kind: TokenKind = msgspec.field(name="token_type")


class Named(Redacted, frozen=True):
    """Whom a token names, and the `kid` that this user must still have."""

    username: str
    kid: str


def load_library() -> None:
    """Read all that tokens need from the disk; blocks. What was read before is there at once."""
    unused = issue(bytes(KEY_BYTES), Named("", "-"), TokenKind.ACCESS, 0, 1)
    with contextlib.suppress(TokenRefused):
        read(unused, bytes(KEY_BYTES), TokenKind.ACCESS, 0)


def issue(key: bytes, named: Named, kind: TokenKind, now_s: float, life_s: float) -> str:
    """A signed token that lives from now on for `life_s` seconds."""
    claims = Claims(
        iss=ISSUER,
        aud=AUDIENCE,
        iat=int(now_s),
        exp=int(now_s + life_s),
        username=named.username,
        kind=kind,
    )
    body = msgspec.json.encode(claims)
    token: str = _codec().encode(body, key, algorithm=ALGORITHM, headers={"kid": named.kid})
    return token


def read(
    token: str, key: bytes, kind: TokenKind, now_s: float, *, expired_too: bool = False
) -> Named:
    """Whom a token of that kind names. Raises `TokenRefused` for any other text."""
    if len(token) > TOKEN_BYTES or not token.isascii():
        raise TokenRefused("not a token")
    header, claims = _opened(token, key)
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise TokenRefused("a token without key id")
    if claims.iss != ISSUER or claims.aud != AUDIENCE:
        raise TokenRefused("a token of another issuer or for another audience")
    if claims.kind is not kind:
        raise TokenRefused(f"{claims.kind} token in the place of the {kind} token")
    if claims.iat > now_s + CLOCK_LATE_S or claims.exp < claims.iat:
        raise TokenRefused("a token from the future")
    if claims.exp <= now_s and not expired_too:
        raise TokenRefused("an expired token")
    return Named(claims.username, kid)


def same_kid(left: str, right: str) -> bool:
    """Whether two key ids are the same, in a time that tells nothing."""
    encoded = (text.encode("utf-8", "surrogatepass") for text in (left, right))
    return hmac.compare_digest(*encoded)


def _opened(token: str, key: bytes) -> tuple[dict[str, Any], Claims]:
    import jwt

    try:
        opened = _codec().decode_complete(token, key, algorithms=[ALGORITHM])
        claims = msgspec.json.decode(opened["payload"], type=Claims)
    # Beside the library's own errors: nesting that its JSON reader does not survive.
    except (jwt.PyJWTError, msgspec.DecodeError, ValueError, TypeError, RecursionError) as exc:
        raise TokenRefused(f"not a token of ours ({type(exc).__name__})") from None
    return opened["header"], claims


@functools.cache
def _codec() -> Any:
    # The parser of claims is ours: the library's own compares times with a clock, and costs more.
    from jwt.api_jws import PyJWS

    return PyJWS(algorithms=[ALGORITHM])
