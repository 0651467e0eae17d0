"""Which providers a configuration asks for, best first; the last one is there on every host.

Others than those are not imported: D-Bus alone takes 0.7 MB.
"""

from config.settings.machine import MachineSettings
from mrk.machine.host_commands import FedCommands
from nurseries.services.provider import NoProvider, Provider
from nurseries.services.sudo import Sudo


def candidates(
    settings: MachineSettings,
    commands: FedCommands,
    sudo: Sudo,
    bus_address: str | None,
    beat_s: float,
) -> list[Provider]:
    """The configured provider and those that take its place where it is absent."""
    found: list[Provider] = []
    if settings.provider == "systemd_dbus":
        from nurseries.services.systemd_dbus import DEFAULT_ADDRESS, SystemdDbus

        found.append(SystemdDbus(bus_address or DEFAULT_ADDRESS, sudo.user))
    if settings.provider in ("systemd_dbus", "systemd_cli"):
        from nurseries.services.systemd_cli import SystemdCli

        found.append(SystemdCli(commands, sudo, beat_s))
    if settings.provider == "supervisord_cli":
        from nurseries.services.supervisord_cli import SupervisordCli

        found.append(SupervisordCli(commands, sudo, settings.supervisord_config_path, beat_s))
    return [*found, NoProvider(sudo)]
