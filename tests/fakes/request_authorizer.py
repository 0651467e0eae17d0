"""A judgement of requests as the root would build it, from a few words."""

from collections.abc import Sequence
from ipaddress import ip_network

from config.settings.authorization import parse_allowed_hosts, parse_cors_domains
from mrk.access.accounts import Accounts
from mrk.access.decision import AccessRules
from mrk.access.hosts import Hosts
from mrk.access.request_authorizer import NamesOf, Refused, RequestAuthorizer
from mrk.access.trusted_clients import TrustedClients
from mrk.http.cors import CorsRules
from tests.fakes.accounts import FakeAccounts

LOOPBACK = ("127.0.0.0/8", "::1/128")


def authorizer(
    trusted: Sequence[str] | TrustedClients = LOOPBACK,
    accounts: Accounts | None = None,
    *,
    names: Sequence[str] = (),
    names_of: NamesOf = lambda _address: (),
    cors_domains: Sequence[str] = (),
    allowed_hosts: Sequence[str] = (),
    force_logins: bool = False,
    enable_api_key: bool = True,
    told: Refused | None = None,
) -> RequestAuthorizer:
    if not isinstance(trusted, TrustedClients):
        trusted = TrustedClients([ip_network(text) for text in trusted], names)
    rules = AccessRules(trusted, force_logins, enable_api_key)
    cors = CorsRules(parse_cors_domains(list(cors_domains))[0], trusted.has_address)
    hosts = Hosts(["mainsailos"], parse_allowed_hosts(list(allowed_hosts))[0], cors.allows)
    return RequestAuthorizer(rules, accounts or FakeAccounts(), hosts, cors.allows, names_of, told)
