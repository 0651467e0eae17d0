"""LDAP against a real OpenLDAP server: who gets in, and who does not."""

import socket
import sys

import pytest
import trio

from config.secret import Secret
from config.settings.ldap import LdapSettings
from mrk.errors import ClientError
from nurseries.access.directory import LdapDirectory
from nurseries.access.logins import LdapUnavailable
from tests.fakes.access_house import open_access_house
from tests.fakes.ldap_server import (
    ADMIN,
    ADMIN_PASSWORD,
    GROUP,
    PEOPLE,
    SUFFIX,
    run_slapd,
)

pytestmark = [
    pytest.mark.e2e,
    # Called by ldap3 2.9; gone in Python 3.12, where it brings its own.
    pytest.mark.filterwarnings("ignore:ssl.match_hostname"),
    # Met at its import.
    pytest.mark.filterwarnings("ignore:(tag|type)Map is deprecated:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    # Whoever is bound may search, strangers may not.
    with run_slapd(tmp_path_factory.mktemp("slapd"), readers="users") as server:
        yield server


@pytest.fixture
def directory(server):
    def make(**options):
        known = {
            "host": "127.0.0.1",
            "port": server.port,
            "base_dn": Secret(PEOPLE),
            "bind_dn": Secret(ADMIN),
            "bind_password": Secret(ADMIN_PASSWORD),
        }
        return LdapDirectory(LdapSettings(**{**known, **options}))

    return make


async def test_people_get_in_with_their_password(directory):
    people = directory()
    assert people.warnings == []
    assert await people.find("anna", "anna secret") == "anna"
    assert await people.find("ben", "ben secret") == "ben"
    assert await people.find("pässword", "pässword secret") == "pässword"
    # The server's own writing is the name, so that nobody has two.
    assert await people.find("ANNA", "anna secret") == "anna"


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("anna", "wrong"),
        ("anna", ""),
        ("", "anna secret"),
        ("", ""),
        ("nobody", "anna secret"),
        ("*", "anna secret"),
        ("ann*", "anna secret"),
        ("anna)(uid=*", "anna secret"),
        ("*)(|(uid=anna", "anna secret"),
        ("anna\0", "anna secret"),
        ("\\61nna", "anna secret"),
        ("a" * 5000, "x"),
        ("anna", "x" * 5000),
        (ADMIN, ADMIN_PASSWORD),
    ],
)
async def test_others_do_not(directory, name, password):
    assert await directory().find(name, password) is None


async def test_filters_are_escaped(directory):
    people = directory()
    assert await people.find("star*", "star* secret") == "star*"
    assert await people.find("(paren)", "(paren) secret") == "(paren)"


async def test_groups(directory):
    assert await directory(group_dn=Secret(GROUP)).find("anna", "anna secret") == "anna"
    assert await directory(group_dn=Secret(GROUP)).find("ben", "ben secret") is None
    lower = Secret(GROUP.lower())
    assert await directory(group_dn=lower).find("anna", "anna secret") is None
    loose = directory(group_dn=lower, check_dn_case=False)
    assert await loose.find("anna", "anna secret") == "anna"
    assert await loose.find("ben", "ben secret") is None
    other = directory(group_dn=Secret(GROUP), membership_attribute="isMemberOf")
    assert await other.find("anna", "anna secret") is None


async def test_a_filter_of_ones_own(directory):
    by_mail = directory(user_filter=Secret("(&(objectClass=inetOrgPerson)(mail=USERNAME))"))
    assert await by_mail.find("anna@example.com", "anna secret") == "anna@example.com"
    assert await by_mail.find("anna", "anna secret") is None
    assert await by_mail.find("*@example.com", "anna secret") is None
    several = directory(user_filter=Secret("(|(uid=USERNAME)(uid=anna)(uid=ben))"))
    assert await several.find("anna", "anna secret") is None


async def test_active_directory_asks_another_attribute(directory):
    # OpenLDAP does not know it, so that nobody is found.
    assert await directory(is_active_directory=True).find("anna", "anna secret") is None


async def test_tls(directory, server):
    trusting = directory(secure=True, port=server.tls_port, ca_file=server.ca_file)
    assert await trusting.find("anna", "anna secret") == "anna"
    assert await trusting.find("anna", "wrong") is None
    unchecked = directory(secure=True, port=server.tls_port, verify_certificate=False)
    assert await unchecked.find("anna", "anna secret") == "anna"
    with pytest.raises(LdapUnavailable):
        await directory(secure=True, port=server.tls_port).find("anna", "anna secret")
    with pytest.raises(LdapUnavailable):
        await directory(secure=True).find("anna", "anna secret")


@pytest.mark.parametrize(
    "options",
    [
        {"bind_password": Secret("wrong password")},
        {"bind_dn": None, "bind_password": None},
        {"base_dn": Secret("ou=nowhere," + SUFFIX)},
        {"base_dn": Secret("nonsense")},
        {"user_filter": Secret("(uid=USERNAME")},
        {"port": 1},
        {"host": "no.such.host.invalid"},
        {"host": "192.168..5"},
    ],
    ids=str,
)
async def test_what_the_configuration_has_wrong(directory, options):
    with pytest.raises(LdapUnavailable) as away:
        await directory(**options).find("anna", "anna secret")
    for secret in (ADMIN_PASSWORD, "wrong password", "anna secret", "nowhere"):
        assert secret not in str(away.value)


async def test_anonymous_search(tmp_path):
    with run_slapd(tmp_path, readers="*") as server:
        settings = LdapSettings(host="127.0.0.1", port=server.port, base_dn=Secret(SUFFIX))
        assert await LdapDirectory(settings).find("anna", "anna secret") == "anna"
        assert await LdapDirectory(settings).find("anna", "ben secret") is None


async def test_a_server_that_says_nothing(directory):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = LdapSettings(
            host="127.0.0.1", port=silent.getsockname()[1], base_dn=Secret(SUFFIX)
        )
        people = LdapDirectory(settings, deadline_s=0.2)
        with trio.fail_after(5), pytest.raises(LdapUnavailable, match="within"):
            await people.find("anna", "anna secret")
        with trio.move_on_after(0.1) as hung_up:
            await people.find("anna", "anna secret")
        assert hung_up.cancelled_caught


async def test_the_library_is_an_extra(directory, monkeypatch):
    monkeypatch.setitem(sys.modules, "ldap3", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    people = directory()
    assert f'{sys.prefix}/bin/pip install "mrk[ldap]"' in people.warnings[0]
    with pytest.raises(LdapUnavailable, match="missing"):
        await people.find("anna", "anna secret")


async def test_whole_log_ins(directory):
    async with open_access_house(directory=directory(), default_source="ldap") as house:
        answer = await house.login("Anna", "anna secret")
        assert (answer["username"], answer["source"]) == ("anna", "ldap")
        await house.add_user("root", source="moonraker")
        await house.call("access.user.role", username="anna", role="view")
        again = await house.login("aNNa", "anna secret")
        assert house.accounts.token_account(again["token"]).role.word == "view"
        with pytest.raises(ClientError, match="refused"):
            await house.login("anna", "")
