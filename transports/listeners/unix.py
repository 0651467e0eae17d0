"""The listening unix socket, and its file."""

import contextlib
import os
import socket
import stat
from pathlib import Path

import trio

from transports.listeners.late_listener import SELDOM_RETRY_S, LateListener, Listener
from transports.listeners.listen_errors import ListenError, SocketInUse

_MAX_UNIX_PATH_BYTES = 107
_PROBE_S = 1.0


async def open_unix(path: Path, own_files: list[os.stat_result]) -> Listener:
    """The unix socket, or, as on a read-only card, one that is tried again and again.

    Each socket's file that was made joins `own_files`.
    """

    async def open_now() -> trio.SocketListener:
        listener = await _unix(path)
        own_files.append(os.stat(path))
        return listener

    try:
        return await open_now()
    except SocketInUse:
        raise
    except ListenError as exc:
        warning = f"{exc}. Programs of this machine that use this socket cannot connect until then."
        return LateListener(str(path), open_now, warning, SELDOM_RETRY_S)


async def _unix(path: Path) -> trio.SocketListener:
    if len(os.fsencode(path)) > _MAX_UNIX_PATH_BYTES:
        raise ListenError(
            f"{path} is longer than {_MAX_UNIX_PATH_BYTES} bytes, too long for a unix socket: "
            "choose a shorter data folder"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        await _clear(path)
        sock = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            await sock.bind(os.fspath(path))
            sock.listen(128)
            return trio.SocketListener(sock)
        except BaseException:
            sock.close()
            raise
    except OSError as exc:
        raise ListenError(f"Cannot listen at {path}: {exc.strerror or exc}") from exc


async def _clear(path: Path) -> None:
    """Remove a socket that a dead daemon left; never one that somebody answers at."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ListenError(f"{path} is not a socket: move it away, mrk wants to listen there")
    if await _answers(path):
        raise SocketInUse(
            f"Another mrk or Moonraker answers at {path}: stop it, or use another data folder"
        )
    os.unlink(path)


async def _answers(path: Path) -> bool:
    with trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        with trio.move_on_after(_PROBE_S):
            try:
                await probe.connect(os.fspath(path))
            except (ConnectionRefusedError, FileNotFoundError):
                return False
    return True  # also after a second without word: a full queue is somebody's queue


def remove_own(path: Path, own: os.stat_result) -> None:
    """Remove the socket's file unless another daemon has put its own there since."""
    with contextlib.suppress(OSError):  # gone already, or on a card that became read-only
        now = os.lstat(path)
        if (now.st_dev, now.st_ino) == (own.st_dev, own.st_ino):
            os.unlink(path)
