"""`[machine]`: how services of the host are controlled, and how it is shut down.

Read by `read_machine`. Moonraker's options about the validation of its own installation are read
and have no effect: mrk does not rewrite service units or configuration files.
"""

from pathlib import Path

import msgspec

from config.paths import Paths
from config.reader import ConfigReader
from config.secret import Secret

PROVIDERS = ("systemd_dbus", "systemd_cli", "supervisord_cli", "none")
SHUTDOWN_ACTIONS = ("poweroff", "halt")
_OF_VALIDATION = {"validate_service": True, "validate_config": True, "force_validation": False}


class MachineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who controls services, what `machine.shutdown` does, and the password of sudo."""

    provider: str = "systemd_dbus"
    shutdown_action: str = "poweroff"
    sudo_password: Secret | None = None
    # Given to supervisorctl; None leaves the choice to it.
    supervisord_config_path: Path | None = None


def read_machine(reader: ConfigReader, paths: Paths) -> MachineSettings:
    """Read `[machine]`; mistakes and warnings go to `reader`."""
    section = reader.section("machine")
    default = MachineSettings()
    provider = section.choice("provider", PROVIDERS, default.provider)
    for option, value in _OF_VALIDATION.items():
        section.boolean(option, value)
    supervisord = default.supervisord_config_path
    # An empty one is as good as none.
    if provider == "supervisord_cli" and section.text("supervisord_config_path", "") != "":
        supervisord = section.path("supervisord_config_path", supervisord)
    return MachineSettings(
        provider=provider,
        shutdown_action=section.choice(
            "shutdown_action", SHUTDOWN_ACTIONS, default.shutdown_action, ignore_case=True
        ),
        sudo_password=section.secret("sudo_password", default.sudo_password),
        supervisord_config_path=supervisord,
    )
