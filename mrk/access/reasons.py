"""Why somebody is let in or kept out: a word and a sentence for each.

A refusal's sentence says what the owner can set. It is shown to whoever is refused, so it
tells nothing that he does not know.
"""

import enum

from mrk.errors import AccessDenied

# Clients know 401 by this word, in JSON-RPC by this message.
UNAUTHORIZED = "Unauthorized"


class Reason(enum.Enum):
    """`word` for programs, a sentence for people; `status` is that of the refusal, 0 for none."""

    TOKEN = ("access_token", 0, "An access token names the user.")
    ONESHOT = ("oneshot_token", 0, "A one-shot token stands for who fetched it.")
    API_KEY = ("api_key", 0, "An API key was given.")
    LOGIN = ("login", 0, "Somebody logged in on this connection.")
    TRUSTED_ADDRESS = ("trusted_address", 0, "The address is among trusted_clients.")
    TRUSTED_NAME = ("trusted_name", 0, "The address has a host name that is among trusted_clients.")
    LOCAL = ("local", 0, "Whoever can open the unix socket is trusted.")

    BAD_TOKEN = ("bad_token", 401, "The access token is not valid here: log in again.")
    EXPIRED_TOKEN = ("expired_token", 401, "The access token has expired: refresh it or log in.")
    BAD_ONESHOT = (
        "bad_oneshot_token",
        401,
        "The one-shot token is used, older than 5 s or another address's: fetch a new one.",
    )
    WRONG_KEY = ("wrong_api_key", 401, "The API key is wrong or was revoked.")
    KEYS_OFF = ("api_keys_off", 401, "API keys are switched off (enable_api_key).")
    LOGIN_REQUIRED = (
        "login_required",
        401,
        "Everybody has to log in, trusted clients too (force_logins).",
    )
    UNCLEAR_ADDRESS = (
        "unclear_address",
        401,
        "A trusted proxy passed the request on, and its X-Forwarded-For, Forwarded and X-Real-IP "
        "do not say clearly who asks: let it write the client's address there, or log in.",
    )
    UNTRUSTED_PROXY = (
        "untrusted_proxy",
        401,
        "{address} passed the request on for somebody else (X-Forwarded-For or the like), and is "
        "not among trusted_proxies in [authorization]: add it there if it is your proxy, so that "
        "its clients are known, or log in.",
    )
    STRANGER = (
        "stranger",
        401,
        "There are no credentials, and {address} is not among trusted_clients in [authorization]: "
        "add it there if it may do everything without, or log in.",
    )
    FOREIGN_HOST = (
        "foreign_host",
        403,
        "The address is trusted, but the request was sent to a host name that is not known to be "
        "this machine's: add it to allowed_hosts in [authorization], or log in. If a proxy on "
        "{address} sent it, add that to trusted_proxies first: otherwise all who come through it "
        "are trusted as it is.",
    )
    CROSS_SITE = (
        "cross_site",
        403,
        "The page of another site sent the request, or a browser that does not say whose page: add "
        "its origin to cors_domains in [authorization], or log in.",
    )
    REVOKED = ("revoked", 401, "The user was logged out or removed: log in again.")

    def __init__(self, word: str, status: int, sentence: str) -> None:
        self.word = word
        self.status = status
        self._sentence = sentence

    def denied(self, address: str | None) -> AccessDenied:
        """The refusal as HTTP tells it, where people read the message."""
        why = self.explain(address)
        if self.status == 403:
            return AccessDenied(why, 403)
        return AccessDenied(f"{UNAUTHORIZED}: {why}", 401, why)

    def denied_call(self, address: str | None) -> AccessDenied:
        """The refusal as JSON-RPC tells it, where programs compare the message of a 401."""
        why = self.explain(address)
        if self.status == 403:
            return AccessDenied(why, 403)
        return AccessDenied(UNAUTHORIZED, 401, why)

    def explain(self, address: str | None) -> str:
        """The sentence, about a client at `address` as the trusted-proxy rule sees it."""
        return self._sentence.replace("{address}", address or "the client's address")
