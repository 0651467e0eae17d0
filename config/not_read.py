"""Sections and options that mrk does not read: of core parts, of add-ons, of older versions.

What stands here decides only which words a section gets that nobody read (`unread.py`).
"""

# Parts that are always there, or that others bring along: their sections have no options.
CORE = frozenset(
    {
        "application",
        "database",
        "dbus_manager",
        "extensions",
        "gpio",
        "history",
        "http_client",
        "internal_transport",
        "job_state",
        "klippy_apis",
        "klippy_connection",
        "proc_stats",
        "secrets",
        "shell_command",
        "template",
        "webcam",
        "websockets",
    }
)

# Section -> the add-on that brings a component of this name into Moonraker.
ADD_ONS = {
    "creatcloud": "CreatBot's firmware",
    "firmware_manager": "CreatBot's firmware",
    "kobra": "Rinkhals",
    "octoapp": "OctoApp",
    "octoeverywhere": "OctoEverywhere",
    "sensor_custom": "FLSUN's open-source image",
    "webrtc_bridge": "CreatBot's firmware",
}

_TRUST = "Access is always checked; trusted_clients says who needs no log-in."
# Options that older versions had -> what to do now.
REMOVED = {
    ("authorization", "api_key_file"): "The API key lies in the database.",
    ("authorization", "enable"): _TRUST,
    ("authorization", "enabled"): _TRUST,
    ("database", "enable_database_debug"): "Use the command line switch --debug.",
    ("update_manager", "client_path"): "Write a section [update_manager NAME] of type web.",
    ("update_manager", "client_repo"): "Write a section [update_manager NAME] of type web.",
    ("server", "enable_asyncio_debug"): "mrk does not use asyncio.",
    ("server", "enable_database_debug"): "Use the command line switch --debug.",
    ("server", "enable_repo_debug"): "Use the command line switch --debug.",
}


def component_of(section: str) -> str:
    """The component that a section is for: the first word of its name."""
    return section.split(" ")[0]
