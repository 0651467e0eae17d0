"""Sections and options that mrk does not read: of core parts, of add-ons, of older versions.

What stands here decides only which words a section gets that nobody read (`unread.py`).
"""

from collections.abc import Mapping

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
    "ledcontrol": "Moonshine",
    "memory_manager": "Rinkhals",
    "mms_server": "BIGTREETECH's MMS",
    "mmu_ace": "Rinkhals",
    "octoapp": "OctoApp",
    "octoeverywhere": "OctoEverywhere",
    "polar_cloud": "Polar Cloud",
    "sensor_custom": "FLSUN's open-source image",
    "webrtc_bridge": "CreatBot's firmware",
}

# Sections of Klipper's that people are told to add "to the configuration".
KLIPPER = frozenset(
    {
        "delayed_gcode",
        "display_status",
        "exclude_object",
        "extruder",
        "gcode_arcs",
        "gcode_macro",
        "gcode_shell_command",
        "idle_timeout",
        "mcu",
        "output_pin",
        "pause_resume",
        "printer",
        "respond",
        "save_variables",
        "temperature_sensor",
        "virtual_sdcard",
    }
)

_TRUST = "Access is always checked; trusted_clients says who needs no log-in."
_CORS = "cors_domains in [authorization] says which pages may ask."
# Options that older versions had -> what to do now.
REMOVED = {
    ("authorization", "api_key_file"): "The API key lies in the database.",
    ("authorization", "enable"): _TRUST,
    ("authorization", "enable_cors"): _CORS,
    ("authorization", "enabled"): _TRUST,
    ("database", "enable_database_debug"): "Use the command line switch --debug.",
    ("update_manager", "client_path"): "Write a section [update_manager NAME] of type web.",
    ("update_manager", "client_repo"): "Write a section [update_manager NAME] of type web.",
    ("server", "enable_cors"): _CORS,
    ("server", "enable_asyncio_debug"): "mrk does not use asyncio.",
    ("server", "enable_database_debug"): "Use the command line switch --debug.",
    ("server", "enable_repo_debug"): "Use the command line switch --debug.",
}

_OTHER_POWER = (
    "address", "port", "protocol", "user", "password", "token", "device", "device_id",
    "device_type", "domain", "output_id", "location", "object_name", "pin", "timer",
    "on_code", "off_code", "poll_interval", "status_delay", "timeout", "verify_certificate",
    "on_url", "off_url", "status_url", "request_template", "response_template", "qos",
    "command_topic", "command_payload", "retain_command_state", "query_topic",
    "query_payload", "query_after_command", "state_topic", "state_timeout",
    "state_response_template", "command", "environment",
)  # fmt: skip
_OTHER_UPDATE = (
    "type", "repo", "path", "origin", "moved_origin", "primary_branch", "pinned_commit",
    "persistent_files", "virtualenv", "env", "requirements", "pip_environment_variables",
    "system_dependencies", "install_script", "venv_args", "enable_node_updates",
    "project_name", "is_system_service", "managed_services", "info_tags",
    "report_anomalies",
)  # fmt: skip
_ALL_UPDATES = (
    "enable_auto_refresh", "refresh_window", "enable_system_updates", "enable_packagekit",
)  # fmt: skip
_OTHER_WLED = ("address", "port", "protocol", "timeout", "serial", "baud")
# Options that are read only beside others, by component: what they go with.
CONDITIONAL: Mapping[str, Mapping[str, str]] = {
    "machine": {"supervisord_config_path": "provider: supervisord_cli"},
    "power": {
        "off_when_shutdown_delay": "off_when_shutdown: True",
        "restart_delay": "restart_klipper_when_powered: True",
        **dict.fromkeys(_OTHER_POWER, "another type"),
    },
    "update_manager": {
        **dict.fromkeys(_OTHER_UPDATE, "items of another type"),
        **dict.fromkeys(_ALL_UPDATES, "all items, in [update_manager]"),
    },
    "wled": dict.fromkeys(_OTHER_WLED, "another type"),
}


# Items that mrk finds by itself, and the section of all of them.
_OTHER_ITEMS = dict.fromkeys(
    ("update_manager klipper", "update_manager moonraker"),
    "items other than klipper and moonraker, which are found without it",
) | {"update_manager": "an item, in [update_manager NAME]"}
# Components that have a section for each of their parts, and none without a name.
NAMED = frozenset({"button", "notifier", "power", "sensor", "webcam", "wled"})


def goes_with(section: str, option: str) -> str | None:
    """What an option is read beside; None for one that its component never reads."""
    if section in _OTHER_ITEMS and option in _OTHER_UPDATE:
        return _OTHER_ITEMS[section]
    return CONDITIONAL.get(component_of(section), {}).get(option)


def component_of(section: str) -> str:
    """The component that a section is for: the first word of its name."""
    return section.split(" ")[0]
