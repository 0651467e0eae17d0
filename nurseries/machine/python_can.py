"""Opens a CAN interface with python-can, and translates its frames and errors.

Blocks; an opened bus belongs to one thread. python-can takes 2 to 17 MB, by what
else is loaded, and 80 ms, on a small board a second: it is imported when a bus is first opened.
"""

import errno
from typing import Any

from mrk.can.bus import CanBus, CanFailed, CanFrame

_ERROR_BUS_OFF = 0x40  # linux/can/error.h
_STANDARD_MASK = 0x7FF
_REASONS = {
    errno.EPERM: "mrk's user may not use CAN sockets",
    errno.EACCES: "mrk's user may not use CAN sockets",
    errno.ENODEV: "there is no such CAN interface",
    errno.ENXIO: "there is no such CAN interface",
    errno.ENETDOWN: "the interface is down; bring it up with 'sudo ip link set up', and see"
    " Klipper's CANBUS page for its bitrate",
    errno.ENOBUFS: "the interface's queue is full: nobody on the bus acknowledges frames;"
    " check wiring, terminators, power and bitrate",
    errno.EAFNOSUPPORT: "this kernel has no CAN support (module 'can_raw')",
}


def open_socketcan(interface: str, can_id: int) -> CanBus:
    """`mrk.can.bus.OpenBus` for this host's interfaces."""
    return open_python_can(interface, can_id, kind="socketcan")


def open_python_can(channel: str, can_id: int, *, kind: str) -> CanBus:
    """Open a bus of one of python-can's kinds, for frames of one 11-bit identifier."""
    import can

    only = {"can_id": can_id, "can_mask": _STANDARD_MASK, "extended": False}
    try:
        # Its configuration files are another program's; they must not change what is opened.
        bus: Any = can.Bus(channel, interface=kind, ignore_config=True, can_filters=[only])
    except (can.CanError, OSError) as exc:
        raise _failed(channel, exc) from exc
    return PythonCanBus(bus, channel, (can.CanError, OSError, ValueError), can.Message)


class PythonCanBus:
    """`mrk.can.bus.CanBus` over an open bus of python-can.

    Errors of it are `errors`, and become `CanFailed`.
    """

    def __init__(
        self, bus: Any, channel: str, errors: tuple[type[Exception], ...], message: Any
    ) -> None:
        self._bus = bus
        self._channel = channel
        self._errors = errors
        self._message = message

    def send(self, frame: CanFrame, within_s: float) -> None:
        """Hand a frame to the interface's queue."""
        message = self._message(
            arbitration_id=frame.can_id, data=frame.data, is_extended_id=False, check=True
        )
        try:
            self._bus.send(message, timeout=within_s)
        except self._errors as exc:
            raise _failed(self._channel, exc) from exc

    def receive(self, within_s: float) -> CanFrame | None:
        """The next frame or the controller's report; None when none came in time."""
        try:
            message = self._bus.recv(timeout=within_s)
        except self._errors as exc:
            raise _failed(self._channel, exc) from exc
        if message is None:
            return None
        special = message.is_extended_id or message.is_remote_frame or message.is_fd
        return CanFrame(
            can_id=message.arbitration_id,
            data=bytes(message.data),
            plain=not (special or message.is_error_frame),
            bus_off=message.is_error_frame and bool(message.arbitration_id & _ERROR_BUS_OFF),
        )

    def close(self) -> None:
        """Give the interface back."""
        try:
            self._bus.shutdown()
        except self._errors as exc:
            raise _failed(self._channel, exc) from exc


def _failed(channel: str, error: Exception) -> CanFailed:
    if isinstance(error, ValueError):
        # From `select`, which cannot wait for descriptors above 1023.
        return CanFailed(
            f"CAN interface '{channel}': {error}; so many connections are open that python-can"
            " cannot work, close some clients"
        )
    code = getattr(error, "error_code", None) or getattr(error, "errno", None)
    reason = _REASONS.get(code) if isinstance(code, int) else None
    return CanFailed(f"CAN interface '{channel}': {reason or error}")
