"""What service control is to those who need a unit started or stopped: a Protocol and its error.

Types only. `nurseries/systemctl.py` is one way to do it.
"""

from typing import Protocol

from mrk.errors import MrkError


class ServiceError(MrkError):
    """A unit could not be started or stopped; the text is for a person."""


class ServiceControl(Protocol):
    """Starts and stops units of the host. Both return when it is done, or raise `ServiceError`."""

    async def start(self, unit: str) -> None: ...

    async def stop(self, unit: str) -> None: ...
