"""From a request's head to the decision about it: the one way that every transport takes.

One instance per generation; nothing here waits. Host names of clients are looked up beforehand, by
who may wait (`nurseries/access/name_lookup.py`).
"""

import contextlib
from collections.abc import Callable
from typing import Protocol

from mrk.access.accounts import Accounts
from mrk.access.decision import AccessRules, Decision, RequestFacts, decide
from mrk.access.hosts import Hosts
from mrk.access.keys import given_key
from mrk.access.origin import cross_site, cross_site_get, same_origin
from mrk.access.reasons import Reason
from mrk.definitions.roles import Role
from mrk.errors import AccessDenied, ClientError
from mrk.http.head import READING, RequestHead
from mrk.http.urlencoded import NotFields

_BEARING = frozenset({"authorization", "x-access-token"})
_CREDENTIALS = _BEARING | {"x-api-key"}
_TELLING = _CREDENTIALS | {"host", "origin", "sec-fetch-site"}

NamesOf = Callable[[str], tuple[str, ...]]


class Refused(Protocol):
    """Who hears of refusals; must not block."""

    def refused(self, address: str, why: str) -> None:
        """A client was refused, and told `why`."""

    def untrusted_proxy(self, address: str, why: str) -> None:
        """A trusted client passes on what others ask."""


class _Nobody:
    def refused(self, address: str, why: str) -> None:
        pass

    def untrusted_proxy(self, address: str, why: str) -> None:
        pass


class RequestAuthorizer:
    """`names_of` gives an address's confirmed host names, `allows_origin` is the CORS rule.

    `told` hears whom it refused.
    """

    def __init__(
        self,
        rules: AccessRules,
        accounts: Accounts,
        hosts: Hosts,
        allows_origin: Callable[[str], bool],
        names_of: NamesOf = lambda _address: (),
        told: Refused | None = None,
    ) -> None:
        self._rules = rules
        self._accounts = accounts
        self._hosts = hosts
        self._allows_origin = allows_origin
        self._names_of = names_of
        self._told = told or _Nobody()
        self._asks_names = bool(rules.trusted.names)

    def decide(self, head: RequestHead, *, changing: bool) -> Decision:
        """Who sends a request. Ask once for each: a one-shot token is used up.

        `changing`: it is more than reading, so no other site's page may have sent it.
        """
        return self._decide(self.facts(head, changing=changing))

    def admit(self, head: RequestHead, needed: Role | None) -> Decision:
        """The same, for what needs a role; raises `ClientError` 401 or 403.

        Whatever is not for viewers changes things, also where it answers GET, as Klippy's
        endpoints do; so does what acts for a websocket.
        """
        changing = (
            head.method not in READING
            or (needed is not None and needed > Role.VIEW)
            or _acts_for_socket(head)
        )
        facts = self.facts(head, changing=changing)
        decision = self._decide(facts)
        try:
            decision.check(needed)
            if facts.cross_site and not decision.authorized:
                # Another site's page at an open call: it would try passwords in its visitor's name.
                raise Reason.CROSS_SITE.denied(head.address)
        except AccessDenied as exc:
            self.refused(head.address, exc)
            raise
        return decision

    def refused(self, who: str, error: ClientError) -> None:
        """Somebody was refused by who acts on a decision of ours: the owner hears of it."""
        self._told.refused(who, error.why if isinstance(error, AccessDenied) else error.message)

    def _decide(self, facts: RequestFacts) -> Decision:
        decision = decide(facts, self._rules, self._accounts)
        if decision.reason is Reason.UNTRUSTED_PROXY and self._is_trusted(facts):
            why = decision.reason.explain(facts.address)
            self._told.untrusted_proxy(facts.address, f"[authorization] {why}")
        return decision

    def _is_trusted(self, facts: RequestFacts) -> bool:
        trusted = self._rules.trusted
        return trusted.has_address(facts.address) or trusted.has_name(facts.names)

    def allows_socket(self, head: RequestHead) -> bool:
        """Whether a websocket's page is our own or allowed; clients that are no browsers may."""
        origin = head.header("origin")
        return same_origin(origin, head.header("host") or "") or self._allows_origin(origin or "")

    def facts(self, head: RequestHead, *, changing: bool) -> RequestFacts:
        """What the request says."""
        told: dict[str, str] = {}
        for name, value in head.headers:
            if name in _TELLING and name not in told:
                told[name] = value
        host = told.get("host", "")
        names = self._names_of(head.address) if self._asks_names else ()
        foreign = not self._hosts.is_ours(host)
        foreign_page = changing and self._is_cross_site(head, told, host)
        if _CREDENTIALS.isdisjoint(told) and "token=" not in head.target:
            token = oneshot = key = ""
        else:
            token, oneshot = _tokens(told, head)
            key = given_key(told.get("x-api-key", ""))
        return RequestFacts(
            head.address, names, token, oneshot, key, foreign, foreign_page, head.untrusted_proxy
        )

    def _is_cross_site(self, head: RequestHead, told: dict[str, str], host: str) -> bool:
        origin, fetch_site = told.get("origin"), told.get("sec-fetch-site", "").strip().lower()
        if origin is not None or head.method not in READING:
            return cross_site(origin, fetch_site, host, self._allows_origin)
        referer, browser = head.header("referer") or "", head.header("user-agent") or ""
        return cross_site_get(fetch_site, referer.strip(), browser, host, self._allows_origin)


def _acts_for_socket(head: RequestHead) -> bool:
    if "connection_id" in head.target:
        return True
    if "%" not in head.target:
        return False
    try:
        return any(name == "connection_id" for name, _value in head.query)
    except NotFields:
        return True


def may_have_token(head: RequestHead) -> bool:
    """Whether a request may be in somebody's name by an access token."""
    return "token=" in head.target or any(name in _BEARING for name, _ in head.headers)


def _tokens(told: dict[str, str], head: RequestHead) -> tuple[str, str]:
    """The access token (header `Authorization`, `X-Access-Token`, or query) and the one-shot."""
    scheme, _, token = told.get("authorization", "").strip().partition(" ")
    token = token.strip() if scheme.lower() == "bearer" else ""
    token = token or told.get("x-access-token", "").strip()
    given: dict[str, str] = {}
    if "token=" in head.target:
        # Of too many fields there is none; whoever reads the arguments refuses them.
        with contextlib.suppress(NotFields):
            given = {name: value for name, value in head.query if value}
    return token or given.get("access_token", "").strip(), given.get("token", "").strip()
