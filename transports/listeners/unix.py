"""The listening unix socket, and its file."""

import contextlib
import os
import socket
import stat
from pathlib import Path

import trio

from transports.listeners.file_watch import FileWatch
from transports.listeners.late_listener import SELDOM_RETRY_S, LateListener
from transports.listeners.listen_errors import ListenError, SocketInUse

_MAX_UNIX_PATH_BYTES = 107
_PROBE_S = 1.0
_NOBODY = "Programs of this machine that use this socket cannot connect until then."


async def open_unix(
    path: Path, own_files: list[os.stat_result], retry_s: float = SELDOM_RETRY_S
) -> LateListener:
    """The unix socket; where it cannot be had, as on a read-only card, it is tried again and again.

    So is one whose file somebody removes or replaces, as a Moonraker does that starts beside mrk.
    `own_files` is the file of the socket that listens.
    """
    looks, watch = trio.CapacityLimiter(1), FileWatch()

    async def open_now() -> trio.SocketListener:
        # On a card that fails this may take long. Not left behind: it would listen in the end.
        sock, own = await trio.to_thread.run_sync(_listening, path, watch)
        own_files[:] = [own]
        return trio.SocketListener(trio.socket.from_stdlib_socket(sock))

    async def lost() -> str | None:
        # A disk that stalls keeps nobody waiting, and no more than one thread.
        with trio.move_on_after(_PROBE_S):
            if await trio.to_thread.run_sync(
                _is_lost, path, own_files[0], limiter=looks, abandon_on_cancel=True
            ):
                own_files.clear()
                return f"Somebody has removed or replaced {path}; trying again. {_NOBODY}"
        return None

    opened, warning = None, None
    try:
        opened = await open_now()
    except SocketInUse:
        raise
    except ListenError as exc:
        warning = f"{exc}. {_NOBODY}"
    return LateListener(
        str(path), open_now, warning, retry_s, opened=opened, lost=lost, watch=watch
    )


def _is_lost(path: Path, own: os.stat_result) -> bool:
    """Whether the file is another one now; the kernel gives its number to none while we listen."""
    try:
        now = path.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return (now.st_dev, now.st_ino) != (own.st_dev, own.st_ino)


def _listening(path: Path, watch: FileWatch) -> tuple[socket.socket, os.stat_result]:
    """A socket that listens, and its file; blocks. Raises `ListenError`."""
    if len(os.fsencode(path)) > _MAX_UNIX_PATH_BYTES:
        raise ListenError(
            f"{path} is longer than {_MAX_UNIX_PATH_BYTES} bytes, too long for a unix socket: "
            "choose a shorter data folder"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear(path)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.bind(os.fspath(path))
            sock.listen(128)
            own = os.stat(path)
            watch.begin(path)
            return sock, own
        except BaseException:
            sock.close()
            raise
    except OSError as exc:
        raise ListenError(f"Cannot listen at {path}: {exc.strerror or exc}") from exc


def _clear(path: Path) -> None:
    """Remove a socket that a dead daemon left; never one that somebody answers at."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ListenError(f"{path} is not a socket: move it away, mrk wants to listen there")
    if _answers(path):
        raise SocketInUse(
            f"Another mrk or Moonraker answers at {path}: stop it, or use another data folder"
        )
    os.unlink(path)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_S)
        try:
            probe.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except (TimeoutError, BlockingIOError):
            pass  # without word for a second, or a full queue: it is somebody's
    return True


def remove_own(path: Path, own: os.stat_result) -> None:
    """Remove the socket's file unless another daemon has put its own there since."""
    with contextlib.suppress(OSError):  # gone already, or on a card that became read-only
        now = os.lstat(path)
        if (now.st_dev, now.st_ino) == (own.st_dev, own.st_ino):
            os.unlink(path)
