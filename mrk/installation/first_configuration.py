"""The configuration of an installation that has none: as little as a front end needs."""

from mrk.machine.service_rules import USUAL_SERVICES

_TEXT = """\
# Made by `mrk install-service`. docs/configuration.md lists what there is.

[server]
host: 0.0.0.0
port: {port}
klippy_uds_address: {klippy}

[authorization]
trusted_clients:
  127.0.0.0/8
  ::1/128
{networks}
[octoprint_compat]

[history]
"""
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "FE80::/10")
_LOG_IN = "# Others log in: `mrk user add NAME`. `--lan` would have let in private networks.\n"


def configuration_text(port: int, klippy: str, *, private_networks: bool) -> str:
    """A moonraker.conf; `private_networks` lets in everybody at home."""
    networks = "".join(f"  {network}\n" for network in _PRIVATE) if private_networks else _LOG_IN
    return _TEXT.format(port=port, klippy=klippy, networks=networks)


def allowed_services_text() -> str:
    """A moonraker.asvc."""
    return "\n".join(USUAL_SERVICES) + "\n"
