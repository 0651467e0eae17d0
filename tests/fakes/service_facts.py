"""Services of a host, as the service control tells them."""

from collections.abc import Mapping, Sequence

from mrk.machine.machine_protocols import InstanceIds, UnitStatus


class FakeServiceFacts:
    """Two services that run."""

    provider = "systemd_dbus"
    available_services: Sequence[str] = ("klipper", "moonraker")
    service_state: Mapping[str, UnitStatus] = {"klipper": UnitStatus("active", "running")}
    instance_ids = InstanceIds("moonraker", "klipper-2")
