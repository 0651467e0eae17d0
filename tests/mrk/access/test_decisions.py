"""Every row of the decision table, and what holds for all requests."""

from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.access.address import ProxyRule
from mrk.access.reasons import Reason
from mrk.api.caller import Caller, Transport
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from mrk.http.head import RequestHead
from tests.fakes.accounts import FakeAccounts
from tests.fakes.request_authorizer import LOOPBACK, authorizer
from tests.mrk.access.decision_rows import CHAPTERS, HOME, NAMED, STRANGER, Row, bearer


class TellTale:
    """Hears of refusals."""

    def __init__(self) -> None:
        self.proxies: list[str] = []

    def refused(self, address: str, why: str) -> None:
        pass

    def untrusted_proxy(self, address: str, why: str) -> None:
        assert why.startswith("[authorization] ")
        self.proxies.append(address)


ROWS = [(chapter, row) for chapter, rows in CHAPTERS.items() for row in rows]
PAGE = Path(__file__).parents[3] / "docs" / "access.md"
NAMES = {NAMED: ("bench.example.net",)}


def people(no_users: bool = False) -> FakeAccounts:
    accounts = FakeAccounts()
    ann = accounts.add_user("ann")
    accounts.add_user("otto", Role.OPERATE)
    accounts.add_user("vera", Role.VIEW)
    accounts.add_key("key")
    accounts.add_key("look", Role.VIEW)
    accounts.oneshots = {"once": (HOME, ann), "away": ("10.9.8.7", ann)}
    accounts.has_users = not no_users
    return accounts


def head_of(row: Row) -> RequestHead:
    headers = list(row.headers.items())
    client = ProxyRule([ip_network(text) for text in row.proxies]).client(row.peer, False, headers)
    return RequestHead(row.verb, row.target, "1.1", headers, row.peer, *client)


@pytest.mark.parametrize(
    ("chapter", "row"), ROWS, ids=[f"{chapter}: {row.about}" for chapter, row in ROWS]
)
def test_row(chapter: str, row: Row) -> None:
    rules = {
        "trusted": (*LOOPBACK, "192.168.1.0/24"),
        "names": ("bench.example.net",),
        "names_of": lambda address: NAMES.get(address, ()),
        **row.config,
    }
    head, (status, reason, user) = head_of(row), row.expected
    # Twice, because a one-shot token is used up by a look.
    checked = authorizer(accounts=people(row.no_users), **rules)
    needs_more = row.needed is not None and row.needed > Role.VIEW
    decision = checked.decide(head, changing=row.verb != "GET" or needs_more)
    assert (decision.reason.word, decision.user) == (reason, user)
    checked = authorizer(accounts=people(row.no_users), **rules)
    if not decision.authorized:
        assert decision.role is Role.VIEW  # whomever its token once stood for
    if status == 200:
        assert checked.admit(head, row.needed) == decision
        assert decision.authorized or row.needed is None
        return
    with pytest.raises(ClientError) as refused:
        checked.admit(head, row.needed)
    assert refused.value.status == status
    if status == 401:
        assert refused.value.message.startswith("Unauthorized: ")
    if reason == "untrusted_proxy":
        assert "trusted_proxies in [authorization]" in refused.value.message
        assert head.address in refused.value.message


def test_the_table_is_large_and_says_nothing_twice() -> None:
    assert len(ROWS) >= 60
    facts = [
        (
            row.peer,
            row.needed,
            row.verb,
            row.target,
            row.no_users,
            repr((row.headers, row.config, row.proxies)),
        )
        for _chapter, row in ROWS
    ]
    doubled = {one for one in facts if facts.count(one) > 1}
    assert len(doubled) <= 1, doubled  # the plain request stands in two chapters


def test_every_reason_of_a_request_is_in_the_table() -> None:
    of_connections = {Reason.LOGIN, Reason.LOCAL, Reason.REVOKED}
    assert {row.expected[1] for _chapter, row in ROWS} == {
        reason.word for reason in Reason if reason not in of_connections
    }


def test_the_page_tells_of_every_reason_and_row() -> None:
    text = PAGE.read_text()
    for reason in Reason:
        assert f"`{reason.word}`" in text, reason
    for chapter in CHAPTERS:
        assert f"### {chapter}" in text, chapter
    lines = text.splitlines()
    for _chapter, row in ROWS:
        status, word, _user = row.expected
        told = [line for line in lines if line.startswith(f"| {row.about} |")]
        assert any(f"| {status} `{word}` |" in line for line in told), row.about


WORDS = st.sampled_from(
    ["", "junk", "ann-old", "Bearer junk", "Bearer ann-old", "Basic x", "\x00", "é" * 300, ","]
)


@given(
    headers=st.dictionaries(
        st.sampled_from(
            ["authorization", "x-access-token", "x-api-key", "host", "origin", "x-real-ip"]
        ),
        st.one_of(WORDS, st.text(max_size=40)),
    ),
    query=st.text(st.characters(max_codepoint=255), max_size=60),  # bytes, as a head has them
    needed=st.sampled_from([Role.VIEW, Role.OPERATE, Role.ADMIN]),
)
def test_a_stranger_without_a_secret_never_gets_in(
    headers: dict[str, str], query: str, needed: Role
) -> None:
    checked = authorizer(("192.168.1.0/24",), people())
    row = Row("", (0, "", None), STRANGER, needed, headers, "/x?" + query)
    with pytest.raises(ClientError) as refused:
        checked.admit(head_of(row), needed)
    assert refused.value.status == 401


@given(host=st.text(max_size=300), origin=st.text(max_size=300))
def test_hosts_and_origins_of_any_kind_are_judged(host: str, origin: str) -> None:
    checked = authorizer(("192.168.1.0/24",))
    row = Row("", (0, "", None), HOME, Role.OPERATE, {"host": host, "origin": origin}, verb="POST")
    head = head_of(row)
    assert checked.decide(head, changing=True).reason.status in (0, 403)
    checked.allows_socket(head)


def test_secrets_are_compared_only_where_they_are_kept() -> None:
    """The judgement hands them on: no comparison of its own could leak one by its time."""
    accounts = people()
    checked = authorizer(accounts=accounts)
    row = Row("", (0, "", None), STRANGER, headers={"x-api-key": "k"}, target="/x?token=t")
    checked.decide(head_of(row), changing=False)
    assert accounts.asked == ["t", "k"]


def test_whoever_is_trusted_and_refused_is_told_both() -> None:
    """`access.info` says whether the address is on the list, also where that counts for nothing."""
    told = TellTale()
    for head, reason, trusted in (
        (head_of(Row("", (0, "", None), HOME, headers=bearer("ann-old"))), "expired_token", True),
        (head_of(Row("", (0, "", None), STRANGER, headers=bearer("x"))), "bad_token", False),
        (head_of(Row("", (0, "", None), HOME, target="/?token=junk")), "bad_oneshot_token", True),
        (head_of(Row("", (0, "", None), STRANGER)), "login_required", False),
        (head_of(Row("", (0, "", None), HOME, headers={"via": "x"})), "login_required", False),
    ):
        decision = authorizer(
            (HOME + "/32",), people(), names=("bench.example.net",), force_logins=True, told=told
        ).decide(head, changing=False)
        assert (decision.reason.word, decision.trusted) == (reason, trusted)
    assert told.proxies == []


def test_the_owner_hears_of_trusted_clients_that_pass_on_what_others_ask() -> None:
    told = TellTale()
    checked = authorizer(
        (HOME + "/32",),
        names=("bench.example.net",),
        names_of=lambda address: NAMES.get(address, ()),
        told=told,
    )
    for peer in (HOME, NAMED, STRANGER):
        passed_on = head_of(Row("", (0, "", None), peer, headers={"x-real-ip": "10.9.8.7"}))
        assert checked.decide(passed_on, changing=False).reason is Reason.UNTRUSTED_PROXY
        checked.decide(head_of(Row("", (0, "", None), peer)), changing=False)
    assert told.proxies == [HOME, NAMED]


def test_a_role_is_named_when_it_is_missing() -> None:
    with pytest.raises(ClientError, match="Moving needs the role operate; yours is view"):
        Caller(Transport.UNIX, role=Role.VIEW).require(Role.OPERATE, "Moving")
