"""`bound_services` of one device: which of them are left alone, and what their owner is told.

Who stops the server itself would never see it start again, and a device of Klipper's own is lost
with Klipper. Owned by the device's follow-ups; nothing runs here.
"""

from collections.abc import Sequence

from mrk.machine.services import ManagedServices


class BoundServices:
    """`names` are units without `.service`; `of_klipper` says that Klipper switches the device."""

    def __init__(
        self,
        device: str,
        names: Sequence[str],
        control: ManagedServices,
        *,
        of_klipper: bool = False,
    ) -> None:
        self._device = device
        self.names = tuple(names)
        self.control = control
        self._of_klipper = of_klipper

    def left_alone(self, name: str) -> str | None:
        """Why it is neither started nor stopped; None for one that is."""
        if self.control.is_own(name):
            return f"{name} is this server itself"
        if self._of_klipper and name == self.control.instance_ids.klipper:
            return f"{name} is Klipper's own service, which switches this device"
        return None

    def warnings(self) -> list[str]:
        """For server.info, as things are; nothing before the host was looked at."""
        known = self.control.service_state
        told = []
        for name in self.names:
            reason = self.left_alone(name)
            if reason is not None:
                told.append(f"{reason}, and is left alone")
            elif known and name not in known:
                told.append(f"{name} is not installed, or not listed in moonraker.asvc")
        return [f"[power {self._device}]: bound_services: {text}" for text in told]
