"""The decision table: what a request says, and what is decided. `docs/access.md` tells the same.

Configuration and people, unless a row says otherwise: 127.0.0.0/8, ::1 and 192.168.1.0/24 are
trusted, proxies on loopback are believed. ann may do everything, otto operates, vera looks on; each
has the token `<name>-token` and the expired `<name>-old`. `key` is an API key for everything,
`look` one for looking. ann fetched `once` at 192.168.1.5 and `away` somewhere else.
"""

from dataclasses import dataclass, field
from typing import Any

from mrk.access.accounts import API_KEY_USER, TRUSTED_USER
from mrk.definitions.roles import Role

HOME, STRANGER, LOCAL = "192.168.1.5", "203.0.113.9", "127.0.0.1"
NAMED = "198.51.100.7"  # its name is bench.example.net
LOOK, RUN, OWN, OPEN = Role.VIEW, Role.OPERATE, Role.ADMIN, None
TRUSTED, KEY = TRUSTED_USER, API_KEY_USER
LOCKED = {"force_logins": True}
EVIL = "http://evil.example"
MOZILLA = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"


@dataclass(frozen=True)
class Row:
    """`expected` is status, reason and user; `request` is peer, verb, target and headers."""

    about: str
    expected: tuple[int, str, str | None]
    peer: str
    needed: Role | None = LOOK
    headers: dict[str, str] = field(default_factory=dict)
    target: str = "/server/info"
    verb: str = "GET"
    config: dict[str, Any] = field(default_factory=dict)
    no_users: bool = False
    proxies: tuple[str, ...] = ("127.0.0.0/8", "::1")


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def page(origin: str, host: str = "printer.local", **more: str) -> dict[str, str]:
    return {"origin": origin, "host": host, **{k.replace("_", "-"): v for k, v in more.items()}}


TRUSTED_ROWS = [
    Row("an address in a range", (200, "trusted_address", TRUSTED), HOME),
    Row("loopback", (200, "trusted_address", TRUSTED), LOCAL),
    Row("IPv6 loopback", (200, "trusted_address", TRUSTED), "::1"),
    Row("IPv4 written as IPv6", (200, "trusted_address", TRUSTED), "::ffff:192.168.1.5"),
    Row("the network's neighbour", (401, "stranger", None), "192.168.2.5"),
    Row("a stranger", (401, "stranger", None), STRANGER),
    Row("a stranger at an open call", (200, "stranger", None), STRANGER, OPEN),
    Row("nobody is listed", (401, "stranger", None), LOCAL, config={"trusted": ()}),
    Row("by address everything is allowed", (200, "trusted_address", TRUSTED), HOME, OWN),
    Row("a listed host name", (200, "trusted_name", TRUSTED), NAMED),
    Row("names count for nothing in lists of addresses", (401, "stranger", None), NAMED,
        config={"names": ()}),
    Row("another host's name", (401, "stranger", None), NAMED, config={"names": ("x.example",)}),
]  # fmt: skip
PROXY_ROWS = [
    Row("a proxy names a trusted client", (200, "trusted_address", TRUSTED), LOCAL,
        headers={"x-forwarded-for": HOME}),
    Row("a proxy names a stranger", (401, "stranger", None), LOCAL,
        headers={"x-forwarded-for": STRANGER}),
    Row("the same by X-Real-IP", (401, "stranger", None), LOCAL, headers={"x-real-ip": STRANGER}),
    Row("a stranger wrote in front", (401, "untrusted_proxy", None), LOCAL,
        headers={"x-forwarded-for": f"{HOME}, {STRANGER}"}),
    Row("headers of who is no proxy", (401, "untrusted_proxy", None), STRANGER,
        headers={"x-forwarded-for": HOME, "x-real-ip": HOME}),
    Row("a trusted client is no proxy", (401, "untrusted_proxy", None), HOME,
        headers={"x-forwarded-for": STRANGER}),
    Row("whomever it names", (401, "untrusted_proxy", None), HOME,
        headers={"x-forwarded-for": HOME}),
    Row("to do something", (401, "untrusted_proxy", None), HOME, OWN,
        headers={"x-forwarded-for": STRANGER, "host": "printer.example.com"}, verb="POST",
        config={"allowed_hosts": ["*.example.com"]}),
    Row("by X-Real-IP", (401, "untrusted_proxy", None), HOME, headers={"x-real-ip": STRANGER}),
    Row("by Forwarded", (401, "untrusted_proxy", None), HOME,
        headers={"forwarded": f"for={STRANGER}"}),
    Row("by Via", (401, "untrusted_proxy", None), HOME, headers={"via": "1.1 gate"}),
    Row("with an empty header", (401, "untrusted_proxy", None), HOME,
        headers={"x-forwarded-for": ""}),
    Row("a trusted name is no proxy", (401, "untrusted_proxy", None), NAMED,
        headers={"x-forwarded-for": STRANGER}),
    Row("nor is it behind a proxy", (401, "untrusted_proxy", None), LOCAL,
        headers={"x-forwarded-for": f"{STRANGER}, {HOME}"}),
    Row("at an open call", (200, "untrusted_proxy", None), HOME, OPEN,
        headers={"x-forwarded-for": STRANGER}),
    Row("with a token behind it", (200, "access_token", "ann"), HOME, OWN,
        {**bearer("ann-token"), "x-forwarded-for": STRANGER}),
    Row("with a key behind it", (200, "api_key", KEY), HOME, OWN,
        {"x-api-key": "key", "x-forwarded-for": STRANGER}),
    Row("with an expired token behind it", (401, "expired_token", "ann"), HOME, LOOK,
        {**bearer("ann-old"), "x-forwarded-for": STRANGER}),
    Row("only the scheme passed on", (200, "trusted_address", TRUSTED), HOME,
        headers={"x-forwarded-proto": "https"}),
    Row("no proxy is believed", (401, "untrusted_proxy", None), LOCAL,
        headers={"x-forwarded-for": HOME}, proxies=()),
    Row("a proxy on another machine", (200, "trusted_address", TRUSTED), HOME,
        headers={"x-forwarded-for": "192.168.1.6"}, proxies=(HOME,)),
    Row("and a stranger behind it", (401, "stranger", None), HOME,
        headers={"x-forwarded-for": STRANGER}, proxies=(HOME,)),
    Row("the two headers differ", (401, "unclear_address", None), LOCAL,
        headers={"x-forwarded-for": STRANGER, "x-real-ip": HOME}),
    Row("the proxy hides its client", (401, "unclear_address", None), LOCAL,
        headers={"x-forwarded-for": "unknown"}),
    Row("malformed names nobody", (401, "unclear_address", None), LOCAL,
        headers={"x-forwarded-for": "junk"}),
    Row("a client on a unix socket", (401, "unclear_address", None), LOCAL,
        headers={"x-forwarded-for": "unix:"}),
    Row("the same by X-Real-IP alone", (401, "unclear_address", None), LOCAL,
        headers={"x-real-ip": "unix:"}),
    Row("the other header is the client's own", (401, "unclear_address", None), LOCAL,
        headers={"x-forwarded-for": "unix:", "x-real-ip": HOME}),
    Row("and the other way round", (401, "unclear_address", None), LOCAL,
        headers={"x-forwarded-for": HOME, "x-real-ip": "unix:"}),
    Row("empty names nobody", (401, "unclear_address", None), LOCAL,
        headers={"x-forwarded-for": " "}),
    Row("a proxy that only says it is one", (401, "unclear_address", None), LOCAL,
        headers={"via": "1.1 gate"}),
    Row("Forwarded names a trusted client", (200, "trusted_address", TRUSTED), LOCAL,
        headers={"forwarded": f'for="{HOME}:4711";proto=http'}),
    Row("Forwarded names a stranger", (401, "stranger", None), LOCAL,
        headers={"forwarded": f"by=x;For={STRANGER}"}),
    Row("Forwarded hides its client", (401, "unclear_address", None), LOCAL,
        headers={"forwarded": "for=_hidden"}),
    Row("Forwarded names nobody", (401, "unclear_address", None), LOCAL,
        headers={"forwarded": "proto=https"}),
    Row("a Forwarded that differs", (401, "unclear_address", None), LOCAL,
        headers={"forwarded": f"for={HOME}", "x-forwarded-for": STRANGER}),
    Row("malformed behind a stranger", (401, "untrusted_proxy", None), LOCAL,
        headers={"x-forwarded-for": f"junk, {STRANGER}"}),
    Row("a port is no part of an address", (200, "trusted_address", TRUSTED), LOCAL,
        headers={"x-forwarded-for": f"{HOME}:51234"}),
]  # fmt: skip
TOKEN_ROWS = [
    Row("a token in the header", (200, "access_token", "ann"), STRANGER, OWN, bearer("ann-token")),
    Row("the scheme in any case", (200, "access_token", "ann"), STRANGER, OWN,
        {"authorization": "bearer ann-token"}),
    Row("X-Access-Token", (200, "access_token", "ann"), STRANGER, OWN,
        {"x-access-token": "ann-token"}),
    Row("in the query", (200, "access_token", "ann"), STRANGER, OWN,
        target="/x?access_token=ann-token"),
    Row("Authorization comes first", (200, "access_token", "ann"), STRANGER, OWN,
        {**bearer("ann-token"), "x-access-token": "junk"}),
    Row("another scheme is passed over", (401, "stranger", None), STRANGER,
        headers={"authorization": "Basic YTpi"}),
    Row("and hides no token", (200, "access_token", "ann"), STRANGER, OWN,
        {"authorization": "Basic YTpi", "x-access-token": "ann-token"}),
    Row("an empty token is none", (200, "trusted_address", TRUSTED), HOME, headers=bearer("")),
    Row("junk, from a stranger", (401, "bad_token", None), STRANGER, headers=bearer("junk")),
    Row("junk, from a trusted address", (401, "bad_token", None), HOME, headers=bearer("junk")),
    Row("junk at an open call", (401, "bad_token", None), HOME, OPEN, bearer("junk")),
    Row("junk with a good key", (401, "bad_token", None), HOME,
        headers={**bearer("junk"), "x-api-key": "key"}),
    Row("expired", (401, "expired_token", "ann"), STRANGER, headers=bearer("ann-old")),
    Row("expired, trusted", (401, "expired_token", "ann"), HOME, headers=bearer("ann-old")),
    Row("expired at an open call", (200, "expired_token", "ann"), STRANGER, OPEN,
        bearer("ann-old")),
    Row("a viewer looks", (200, "access_token", "vera"), STRANGER, LOOK, bearer("vera-token")),
    Row("a viewer prints", (403, "access_token", "vera"), STRANGER, RUN, bearer("vera-token")),
    Row("also from a trusted address", (403, "access_token", "vera"), HOME, RUN,
        bearer("vera-token")),
    Row("an operator prints", (200, "access_token", "otto"), STRANGER, RUN, bearer("otto-token")),
    Row("an operator configures", (403, "access_token", "otto"), STRANGER, OWN,
        bearer("otto-token")),
]  # fmt: skip
ONESHOT_ROWS = [
    Row("fetched from here", (200, "oneshot_token", "ann"), HOME, OWN, target="/x?token=once"),
    Row("fetched elsewhere", (401, "bad_oneshot_token", None), STRANGER, target="/x?token=once"),
    Row("fetched elsewhere, trusted", (200, "trusted_address", TRUSTED), HOME,
        target="/x?token=away"),
    Row("unknown", (401, "bad_oneshot_token", None), STRANGER, target="/x?token=junk"),
    Row("unknown, at an open call", (200, "bad_oneshot_token", None), STRANGER, OPEN,
        target="/x?token=junk"),
    Row("empty is absent", (200, "trusted_address", TRUSTED), HOME, target="/websocket?token="),
    Row("an access token goes before", (200, "access_token", "otto"), HOME, RUN,
        bearer("otto-token"), target="/x?token=once"),
    Row("before the key", (200, "oneshot_token", "ann"), HOME, OWN, {"x-api-key": "look"},
        target="/x?token=once"),
    Row("a good key after a bad one", (200, "api_key", KEY), STRANGER, OWN, {"x-api-key": "key"},
        target="/x?token=junk"),
]  # fmt: skip
KEY_ROWS = [
    Row("a key", (200, "api_key", KEY), STRANGER, OWN, {"x-api-key": "key"}),
    Row("a key before the address", (200, "api_key", KEY), HOME, LOOK, {"x-api-key": "look"}),
    Row("a key that only looks", (403, "api_key", KEY), STRANGER, RUN, {"x-api-key": "look"}),
    Row("wrong", (401, "wrong_api_key", None), STRANGER, headers={"x-api-key": "junk"}),
    Row("wrong, trusted", (401, "wrong_api_key", None), HOME, headers={"x-api-key": "junk"}),
    Row("wrong, at an open call", (200, "wrong_api_key", None), STRANGER, OPEN,
        {"x-api-key": "junk"}),
    Row("switched off", (401, "api_keys_off", None), STRANGER, headers={"x-api-key": "key"},
        config={"enable_api_key": False}),
    Row("switched off, trusted", (401, "api_keys_off", None), HOME,
        headers={"x-api-key": "key"}, config={"enable_api_key": False}),
    Row("empty is absent", (401, "stranger", None), STRANGER, headers={"x-api-key": " "}),
    Row("OrcaSlicer's placeholder is absent", (200, "trusted_address", TRUSTED), HOME,
        headers={"x-api-key": "88888888"}),
    Row("KlipperScreen's placeholder is absent", (200, "trusted_address", TRUSTED), HOME,
        target="/websocket?token=False", headers={"x-api-key": "False"}),
    Row("that of touch displays is absent", (200, "trusted_address", TRUSTED), HOME,
        headers={"x-api-key": "XXXXXX"}),
    Row("that of an example is absent", (200, "trusted_address", TRUSTED), HOME,
        headers={"x-api-key": "your_moonraker_api_key_here"}),
    Row("the placeholder is no key", (401, "stranger", None), STRANGER,
        headers={"x-api-key": "88888888"}),
]  # fmt: skip
LOCKED_ROWS = [
    Row("the address counts for nothing", (401, "login_required", None), HOME, config=LOCKED),
    Row("until there is a user", (200, "trusted_address", TRUSTED), HOME, config=LOCKED,
        no_users=True),
    Row("names count for nothing either", (401, "login_required", None), NAMED, config=LOCKED),
    Row("a token does", (200, "access_token", "ann"), HOME, OWN, bearer("ann-token"),
        config=LOCKED),
    Row("a one-shot token does", (200, "oneshot_token", "ann"), HOME, OWN, target="/x?token=once",
        config=LOCKED),
    Row("a key does", (200, "api_key", KEY), HOME, OWN, {"x-api-key": "key"}, config=LOCKED),
    Row("a wrong key says so", (401, "wrong_api_key", None), HOME, headers={"x-api-key": "junk"},
        config=LOCKED),
    Row("open calls stay open", (200, "login_required", None), HOME, OPEN, config=LOCKED),
]  # fmt: skip
BROWSER_ROWS = [
    Row("a name that is not ours", (403, "foreign_host", None), HOME,
        headers={"host": "evil.example"}),
    Row("the same from a stranger", (401, "stranger", None), STRANGER,
        headers={"host": "evil.example"}),
    Row("the same with a token", (200, "access_token", "ann"), HOME, OWN,
        {**bearer("ann-token"), "host": "evil.example"}),
    Row("the same at an open call", (200, "foreign_host", None), HOME, OPEN,
        {"host": "evil.example"}),
    Row("a name that looks like ours", (403, "foreign_host", None), HOME,
        headers={"host": "printer.local.evil.example"}),
    Row("an address", (200, "trusted_address", TRUSTED), HOME,
        headers={"host": "192.168.1.2:7125"}),
    Row("an IPv6 address", (200, "trusted_address", TRUSTED), HOME,
        headers={"host": "[fd00::2]:7125"}),
    Row("*.local", (200, "trusted_address", TRUSTED), HOME, headers={"host": "printer.local:81"}),
    Row("a single word", (200, "trusted_address", TRUSTED), HOME, headers={"host": "printer"}),
    Row("allowed_hosts", (200, "trusted_address", TRUSTED), HOME,
        headers={"host": "printer.example.com"}, config={"allowed_hosts": ["*.example.com"]}),
    Row("a host of cors_domains", (200, "trusted_address", TRUSTED), HOME,
        headers={"host": "ui.example.com"}, config={"cors_domains": ["https://ui.example.com"]}),
    Row("no host at all", (200, "trusted_address", TRUSTED), HOME),
    Row("another site's page reads", (200, "trusted_address", TRUSTED), HOME,
        headers=page(EVIL)),
    Row("another site's page changes", (403, "cross_site", None), HOME, RUN, page(EVIL),
        verb="POST"),
    Row("with a GET that does something", (403, "cross_site", None), HOME, RUN,
        {"host": "printer.local", "sec-fetch-site": "cross-site"}),
    Row("a page without an origin", (403, "cross_site", None), HOME, RUN, page("null"),
        verb="POST"),
    Row("with a token", (200, "access_token", "ann"), HOME, OWN,
        {**bearer("ann-token"), **page(EVIL)}, verb="POST"),
    Row("an origin of cors_domains", (200, "trusted_address", TRUSTED), HOME, RUN, page(EVIL),
        verb="POST", config={"cors_domains": [EVIL]}),
    Row("our own page", (200, "trusted_address", TRUSTED), HOME, RUN,
        page("http://printer.local", sec_fetch_site="same-origin"), verb="POST"),
    Row("our own page on another port", (200, "trusted_address", TRUSTED), HOME, RUN,
        page("http://printer.local", "printer.local:7125"), verb="POST"),
    Row("a program without marks", (200, "trusted_address", TRUSTED), HOME, RUN, verb="POST"),
    Row("a program's GET", (200, "trusted_address", TRUSTED), HOME, RUN,
        {"host": "printer.local", "user-agent": "curl/8.5"}),
    Row("a browser's GET, its page kept back", (403, "cross_site", None), HOME, RUN,
        {"host": "printer.local", "user-agent": MOZILLA}),
    Row("the same to look", (200, "trusted_address", TRUSTED), HOME, LOOK,
        {"host": "printer.local", "user-agent": MOZILLA}),
    Row("from another site's page", (403, "cross_site", None), HOME, RUN,
        {"host": "printer.local", "user-agent": MOZILLA, "referer": EVIL + "/x"}),
    Row("from our own page", (200, "trusted_address", TRUSTED), HOME, RUN,
        {"host": "printer.local:7125", "user-agent": MOZILLA, "referer": "http://printer.local/x"}),
    Row("from a page of our site", (403, "cross_site", None), HOME, RUN,
        {"host": "printer.example.com", "sec-fetch-site": "same-site"},
        config={"allowed_hosts": ["*.example.com"]}),
    Row("typed into a browser, over TLS", (200, "trusted_address", TRUSTED), HOME, RUN,
        {"host": "printer.local", "user-agent": MOZILLA, "sec-fetch-site": "none"}),
    Row("another site's page logs in", (403, "cross_site", None), HOME, OPEN, page(EVIL),
        verb="POST"),
    Row("the same, of a stranger", (403, "stranger", None), STRANGER, OPEN, page(EVIL),
        verb="POST"),
]  # fmt: skip
CHAPTERS = {
    "Trusted clients": TRUSTED_ROWS,
    "Behind a proxy": PROXY_ROWS,
    "Access tokens": TOKEN_ROWS,
    "One-shot tokens": ONESHOT_ROWS,
    "API keys": KEY_ROWS,
    "force_logins": LOCKED_ROWS,
    "Browsers": BROWSER_ROWS,
}
