"""Which options hold secrets, by section: for options that nobody read as one.

What mrk reads it declares (`Section.secret`); this is for sections that it does not know yet and
for mistyped names, whose text would otherwise stand in a warning and in `server.config`.
"""

import re

_BY_SECTION = {
    "ldap": frozenset({"base_dn", "bind_dn", "bind_password", "group_dn", "user_filter"}),
    "machine": frozenset({"sudo_password"}),
    "mqtt": frozenset({"username", "password"}),
    "notifier": frozenset({"url"}),
    "simplyprint": frozenset({"url"}),
    "power": frozenset({"user", "password", "token", "on_url", "off_url", "status_url"}),
}
# password_file, secrets_path and enable_api_key say where or whether, not what.
_ORDINARY = frozenset({"address", "host", "hostname", "login", "port", "user", "username"})
_TELLING = (
    r"(?!.*(?:_file|_path)$)(?!(?:enable|check|require)_)"
    r".*(?:passw|passphrase|token|secret|api_?key|private_?key)"
)


def holds_secret(section: str, option: str) -> bool:
    """Whether the value of an option is better not shown."""
    family = section.split(" ")[0]
    return option in _BY_SECTION.get(family, ()) or is_password(option)


def is_password(name: str) -> bool:
    """Whether a name is that of a password, a token or a key: no log line may hold its value."""
    return re.match(_TELLING, name) is not None


def is_ordinary(name: str) -> bool:
    """Whether a value of the secrets file is one that logs have to name."""
    return name.lower() in _ORDINARY
