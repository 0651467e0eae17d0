"""Sections and options that Moonraker knows and mrk does not use yet.

They draw the same warning as a mistyped one, in kinder words, and they do not keep the
backup configuration from being written. A settings family that learns to read one of them
takes it off this list.
"""

SECTIONS = frozenset(
    {
        "analysis",
        "button",
        "database",
        "dbus_manager",
        "extensions",
        "gpio",
        "http_client",
        "job_state",
        "klippy_apis",
        "notifier",
        "paneldue",
        "power",
        "proc_stats",
        "shell_command",
        "simplyprint",
        "td1",
        "update_manager",
        "wled",
        "zeroconf",
    }
)

OPTIONS: dict[str, frozenset[str]] = {}


def section_known(name: str) -> bool:
    """True for a section that a later version of mrk will read."""
    return name.split(" ")[0] in SECTIONS


def option_known(section: str, option: str) -> bool:
    """True for an option that a later version of mrk will read."""
    return option in OPTIONS.get(section, frozenset())
