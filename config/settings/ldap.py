"""`[ldap]`: the server that checks users whose source is `ldap`; without it there are none.

Read by `read_ldap`.
"""

from pathlib import Path

import msgspec

from config.paths import Paths
from config.reader import ConfigReader
from config.secret import Secret
from config.section import Required, Section
from config.values import PORT

PLAIN_PORT, TLS_PORT = 389, 636
# Stands in `user_filter` for what the user typed.
PLACEHOLDER = "USERNAME"
MEMBERSHIP = ("memberOf", "isMemberOf")


class LdapSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where users are looked up, and as whom.

    `bind_dn` None binds anonymously. `user_filter` has `USERNAME` in it. `ca_file` None trusts
    the system's certificate authorities.
    """

    host: str
    port: int
    secure: bool = False
    verify_certificate: bool = True
    ca_file: Path | None = None
    base_dn: Secret
    bind_dn: Secret | None = None
    bind_password: Secret | None = None
    group_dn: Secret | None = None
    is_active_directory: bool = False
    user_filter: Secret | None = None
    membership_attribute: str = MEMBERSHIP[0]
    check_dn_case: bool = True


def read_ldap(reader: ConfigReader, paths: Paths) -> LdapSettings | None:
    """Read the section; None when it is not written."""
    if not reader.has("ldap"):
        return None
    section = reader.section("ldap")
    secure = section.boolean("ldap_secure", False)
    return LdapSettings(
        host=section.text("ldap_host", Required("ldap.example.org")),
        port=section.integer("ldap_port", TLS_PORT if secure else PLAIN_PORT, PORT),
        secure=secure,
        verify_certificate=section.boolean("ldap_verify_certificate", True),
        ca_file=section.path("ldap_ca_file", None),
        base_dn=section.secret("base_dn", Required("dc=example,dc=org")),
        bind_dn=section.secret("bind_dn", None),
        bind_password=_bind_password(section),
        group_dn=section.secret("group_dn", None),
        is_active_directory=section.boolean("is_active_directory", False),
        user_filter=_user_filter(section),
        membership_attribute=section.choice("membership_attribute", MEMBERSHIP, MEMBERSHIP[0]),
        check_dn_case=section.boolean("check_dn_case", True),
    )


def _bind_password(section: Section) -> Secret | None:
    password = section.secret("bind_password", None)
    if section.written("bind_dn") and not password:
        # Without one most servers would take it for an anonymous bind.
        section.problem("bind_password", "a password is required when bind_dn is set")
    return password


def _user_filter(section: Section) -> Secret | None:
    found = section.secret("user_filter", None)
    if found and PLACEHOLDER not in found.reveal():
        section.problem("user_filter", f"the word {PLACEHOLDER} is missing in it")
    return found
