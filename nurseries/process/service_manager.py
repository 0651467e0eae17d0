"""Tells the service manager (systemd) how the daemon does, and feeds its watchdog.

Datagrams to NOTIFY_SOCKET as in sd_notify(3); a full or missing socket is never an error for the
daemon. `ServiceManager.serve` is a task of the event loop, so the beat stops when the loop hangs;
it ends when cancelled.
"""

import logging
import socket
import time
from collections.abc import Mapping

import trio

from mrk.log.throttle import LogThrottle

logger = logging.getLogger(__name__)

# A watchdog of microseconds is a slip; it must not make the daemon spin.
_LEAST_BEAT_S = 0.05


class ServiceManager:
    """The service manager's side of this process; silent when none is there.

    `address` is NOTIFY_SOCKET's text (`@` begins an abstract name), `watchdog_s` the time after
    which a silent daemon is killed.
    """

    def __init__(self, address: str | None = None, watchdog_s: float | None = None) -> None:
        self._address = _socket_name(address)
        self._watchdog_s = watchdog_s
        self._throttle = LogThrottle()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], pid: int) -> "ServiceManager":
        """Read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID as sd_watchdog_enabled(3) does."""
        return cls(environ.get("NOTIFY_SOCKET"), _watchdog_s(environ, pid))

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Beat at half of the watchdog's time until cancelled; without a watchdog, only wait."""
        task_status.started()
        if self._address is None or self._watchdog_s is None:
            await trio.sleep_forever()
            return
        interval_s = max(self._watchdog_s / 2, _LEAST_BEAT_S)
        due = trio.current_time()
        while True:
            self._send("WATCHDOG=1")
            due = max(due + interval_s, trio.current_time())
            await trio.sleep_until(due)

    def ready(self) -> None:
        """The start, or a restart announced by `reloading`, is complete."""
        self._send("READY=1")

    def reloading(self) -> None:
        """A new generation is being built; `ready` follows."""
        # Type=notify-reload wants to know which reload this is.
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The shutdown has begun."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows."""
        self._send("STATUS=" + " ".join(text.split()))

    def _send(self, state: str) -> None:
        if self._address is None:
            return
        try:
            # A few calls a minute; opened each time so that a new manager's socket is found.
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto(state.encode("utf-8", "replace"), self._address)
        except OSError as exc:
            self._throttle.log(logger, f"service manager not reached: {exc}", time.monotonic())


def _socket_name(address: str | None) -> str | None:
    # sd_notify knows vsock addresses too; a printer's daemon is no virtual machine's init.
    if not address or address[0] not in "/@" or len(address) == 1:
        return None
    return "\0" + address[1:] if address[0] == "@" else address


def _watchdog_s(environ: Mapping[str, str], pid: int) -> float | None:
    if environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    usec = environ.get("WATCHDOG_USEC", "")
    if not (usec.isascii() and usec.isdigit() and len(usec) <= 18):
        return None
    return int(usec) / 1e6 or None
