"""The rules that let mrk control services and power without a password.

JavaScript for polkit from 0.106 on, a key file for those before it.
"""

import json

ACTIONS = (
    "org.freedesktop.systemd1.manage-units",
    "org.freedesktop.login1.power-off",
    "org.freedesktop.login1.power-off-multiple-sessions",
    "org.freedesktop.login1.reboot",
    "org.freedesktop.login1.reboot-multiple-sessions",
    "org.freedesktop.login1.halt",
    "org.freedesktop.login1.halt-multiple-sessions",
)
PACKAGES = "org.freedesktop.packagekit."


def rules_text(user: str) -> str:
    """A file for rules.d."""
    actions = ",\n        ".join(map(json.dumps, ACTIONS))
    return f"""\
// Written by `mrk install-service`: services, power and packages for the user that runs mrk.
polkit.addRule(function(action, subject) {{
    var allowed = [
        {actions}
    ];
    if (subject.user == {json.dumps(user)} &&
        (allowed.indexOf(action.id) >= 0 || action.id.indexOf({json.dumps(PACKAGES)}) == 0)) {{
        return polkit.Result.YES;
    }}
}});
"""


def key_file_text(user: str) -> str:
    """A file for localauthority/50-local.d."""
    return f"""\
[mrk: services, power and packages]
Identity=unix-user:{user}
Action={";".join(ACTIONS)};{PACKAGES}*
ResultAny=yes
"""
