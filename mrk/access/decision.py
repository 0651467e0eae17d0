"""The decision about a request: who sends it, and whether that suffices. One pure function.

Every transport asks it, through `mrk/access/request_authorizer.py`; nothing else decides. The first
hit wins: access token, one-shot token, API key, then, unless everybody must log in, the address.
"""

from typing import NamedTuple

import msgspec

from mrk.access.accounts import MOONRAKER, TRUSTED_USER, Account, Accounts, TokenRefused
from mrk.access.address import UNKNOWN
from mrk.access.reasons import Reason
from mrk.access.role_needed import role_needed
from mrk.access.trusted_clients import TrustedClients
from mrk.definitions.roles import Role
from mrk.errors import AccessDenied

# Who is let in by address is no person, and may do everything, as front ends expect.
_TRUSTED = Account(TRUSTED_USER, MOONRAKER, Role.ADMIN, 0.0)


class RequestFacts(NamedTuple):
    """What is known of a request before anything in it is believed; empty texts are absent.

    `address` is the client as the proxy rule sees it, `names` its confirmed host names.
    `untrusted_proxy`: that one asks for somebody else, whom it is not believed to name.
    `foreign_host`: it was sent to a host name that is not ours; `cross_site`: the page of another
    site sent it, and it changes something.
    """

    address: str
    names: tuple[str, ...] = ()
    token: str = ""
    oneshot: str = ""
    api_key: str = ""
    foreign_host: bool = False
    cross_site: bool = False
    untrusted_proxy: bool = False


class AccessRules(msgspec.Struct, frozen=True):
    """What `[authorization]` says of decisions."""

    trusted: TrustedClients = msgspec.field(default_factory=TrustedClients)
    force_logins: bool = False
    enable_api_key: bool = True


class Decision(msgspec.Struct, frozen=True):
    """`authorized` for what is not open to anybody, as far as the account's role goes.

    `trusted` says that the address is on the list, also where that counts for nothing. An
    account without authorization is an identity alone: that of an expired token. `address` is the
    client's, where it was refused.
    """

    authorized: bool
    reason: Reason
    account: Account | None = None
    trusted: bool = False
    address: str = ""

    @property
    def user(self) -> str | None:
        """The account's name."""
        return None if self.account is None else self.account.username

    @property
    def role(self) -> Role:
        """What the caller may do, as far as that takes more than being there."""
        if self.account is None or not self.authorized:
            return Role.VIEW
        return self.account.role

    def check(self, needed: Role | None) -> None:
        """Raise `AccessDenied` 401 or 403 when this is not enough; `needed` None is open to all.

        A token that never was one of ours is refused everywhere: its bearer believes to be
        somebody.
        """
        if needed is None:
            if self.reason is Reason.BAD_TOKEN:
                raise self.refusal()
            return
        if not self.authorized:
            raise self.refusal()
        if self.role < needed:
            raise role_needed(needed, self.role)

    def refusal(self) -> AccessDenied:
        """What somebody who is not authorized is told."""
        return self.reason.denied(self.address)


_BY_ADDRESS = Decision(True, Reason.TRUSTED_ADDRESS, _TRUSTED, True)
_BY_NAME = Decision(True, Reason.TRUSTED_NAME, _TRUSTED, True)


def decide(facts: RequestFacts, rules: AccessRules, accounts: Accounts) -> Decision:
    """Decide about a request. Pure, but for a one-shot token, which is used up by looking at it."""
    by_address = _by_address(facts, rules)
    trusted = by_address is not None
    failed: Reason | None = None
    if facts.token:
        return _by_token(facts.token, accounts, trusted)
    if facts.oneshot:
        account = accounts.take_oneshot(facts.oneshot, facts.address)
        if account is not None:
            return Decision(True, Reason.ONESHOT, account, trusted)
        failed = Reason.BAD_ONESHOT
    if facts.api_key:
        account = accounts.key_account(facts.api_key) if rules.enable_api_key else None
        if account is not None:
            return Decision(True, Reason.API_KEY, account, trusted)
        # Whoever sends one believes to be somebody: no address makes up for it.
        wrong = Reason.WRONG_KEY if rules.enable_api_key else Reason.KEYS_OFF
        return _refused(wrong, facts, trusted)
    if rules.force_logins and accounts.has_users:
        return _refused(failed or Reason.LOGIN_REQUIRED, facts, trusted)
    if by_address is None:
        return _refused(failed or _why_stranger(facts), facts, False)
    # What a browser does by itself must not be done in the name of its address.
    if facts.foreign_host:
        return _refused(Reason.FOREIGN_HOST, facts, True)
    if facts.cross_site:
        return _refused(Reason.CROSS_SITE, facts, True)
    return by_address


def _refused(reason: Reason, facts: RequestFacts, trusted: bool) -> Decision:
    return Decision(False, reason, None, trusted, facts.address)


def _why_stranger(facts: RequestFacts) -> Reason:
    if facts.untrusted_proxy:
        return Reason.UNTRUSTED_PROXY
    return Reason.UNCLEAR_ADDRESS if facts.address == UNKNOWN else Reason.STRANGER


def _by_address(facts: RequestFacts, rules: AccessRules) -> Decision | None:
    # The proxy's own address says nothing about who stands behind it.
    if facts.untrusted_proxy:
        return None
    if rules.trusted.has_address(facts.address):
        return _BY_ADDRESS
    if facts.names and rules.trusted.has_name(facts.names):
        return _BY_NAME
    return None


def _by_token(token: str, accounts: Accounts, trusted: bool) -> Decision:
    try:
        return Decision(True, Reason.TOKEN, accounts.token_account(token), trusted)
    except TokenRefused:
        pass
    try:
        # It still says who it was; nothing but open calls hear of it.
        account = accounts.token_account(token, expired_too=True)
    except TokenRefused:
        return Decision(False, Reason.BAD_TOKEN, None, trusted)
    return Decision(False, Reason.EXPIRED_TOKEN, account, trusted)
