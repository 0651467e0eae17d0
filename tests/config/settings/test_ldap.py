"""[ldap]: nothing without the section, defaults, options, and what cannot be."""

import pytest

LEAST = "[ldap]\nldap_host: ldap.lan\nbase_dn: dc=example,dc=com\n"


def test_without_the_section_there_is_nothing(read):
    assert read("").settings.ldap is None


def test_defaults(read):
    loaded = read(LEAST)
    ldap = loaded.settings.ldap
    assert (ldap.host, ldap.port, ldap.secure) == ("ldap.lan", 389, False)
    assert ldap.base_dn.reveal() == "dc=example,dc=com"
    assert (ldap.bind_dn, ldap.bind_password, ldap.group_dn, ldap.user_filter) == (None,) * 4
    assert ldap.membership_attribute == "memberOf"
    assert ldap.check_dn_case
    assert ldap.verify_certificate
    assert loaded.warnings == []


def test_options(read, tmp_path):
    text = (
        "ldap_secure: yes\nbind_dn: cn=mrk,dc=example\nbind_password: verysecret\n"
        "group_dn: cn=printing,dc=example\nis_active_directory: yes\n"
        "user_filter: (mail=USERNAME)\nmembership_attribute: isMemberOf\ncheck_dn_case: no\n"
        f"ldap_verify_certificate: no\nldap_ca_file: {tmp_path}/ca.pem\n"
    )
    loaded = read(LEAST + text)
    ldap = loaded.settings.ldap
    assert (ldap.port, ldap.secure, ldap.is_active_directory) == (636, True, True)
    assert ldap.user_filter.reveal() == "(mail=USERNAME)"
    assert ldap.bind_password.reveal() == "verysecret"
    assert ldap.ca_file == tmp_path / "ca.pem"
    assert "verysecret" not in repr(loaded.settings) + str(loaded.config) + str(loaded.orig)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[ldap]\nbase_dn: x\n", "ldap_host"),
        ("[ldap]\nldap_host: x\n", "base_dn"),
        (LEAST + "bind_dn: cn=x\n", "bind_password"),
        (LEAST + "user_filter: (uid=name)\n", "USERNAME"),
        (LEAST + "membership_attribute: memberof\n", "memberOf"),
        (LEAST + "ldap_port: 0\n", "ldap_port"),
    ],
)
def test_what_cannot_be(failed, text, reason):
    assert reason in failed("ldap", text)
