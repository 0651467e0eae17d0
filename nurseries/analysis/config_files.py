"""Configuration files of the estimator: in the config root, and the default one with the tools.

Read and written in threads; small, and written whole or not at all.
"""

import errno
from pathlib import Path
from typing import Any

import msgspec
import trio

from config.whole_file import write_whole
from mrk.errors import ClientError
from mrk.estimate.estimator_config import limits_of_config
from mrk.estimate.klipper_settings import LimitsUnknown
from mrk.estimate.printer_limits import PrinterLimits
from mrk.files.file_protocols import ReadableFiles
from mrk.files.paths import safe_parts

TOOLS = Path("tools", "klipper_estimator")
DEFAULT_NAME = "default_estimator_cfg.json"
SIZE_LIMIT_BYTES = 1024 * 1024
# Of each part of the analysis, for the disk: one that stalls takes no others.
THREADS = 4
_BAD_NAMES = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ENOENT)


class ConfigFiles:
    """Paths that clients give are relative to the config root; `..` is refused."""

    def __init__(self, data_path: Path, readable: ReadableFiles) -> None:
        self.tools = data_path / TOOLS
        self.default = self.tools / DEFAULT_NAME
        self._root = data_path / "config"
        self._readable = readable
        self._threads = trio.CapacityLimiter(THREADS)

    def place(self, name: str) -> Path:
        """Raises `ClientError` 400."""
        parts = safe_parts(name)
        if not parts:
            raise ClientError(f"'{name}' is not a file of the config folder")
        return self._root.joinpath(*parts)

    def existing(self, name: str) -> Path:
        """A file that is there and may be read; raises `ClientError` 400."""
        path = self.place(name)
        if not path.is_file() or not self._readable.may_read(path.resolve()):
            raise ClientError(f"Estimator config '{name}' does not exist")
        return path

    def target(self, name: str) -> Path:
        """A new configuration's place: JSON, nothing else is overwritten; raises `ClientError`."""
        path = self.place(name)
        if path.suffix not in (".json", ".json5") or path.is_dir():
            raise ClientError(f"'{name}': a name that ends with .json expected")
        if not path.parent.resolve().is_relative_to(self._root.resolve()):
            raise ClientError(f"'{name}' leads out of the config folder", 403)
        # What clients may not read they do not write either: the secrets may be such a file.
        if path.exists() and not self._readable.may_read(path.resolve()):
            raise ClientError(f"Access to '{name}' is not allowed", 403)
        return path

    async def find(self, name: str) -> Path:
        """`existing`, in a thread."""
        return await trio.to_thread.run_sync(self.existing, name, limiter=self._threads)

    async def limits(self, name: str) -> PrinterLimits:
        """What a configuration says; raises `ClientError` 400."""
        path = await self.find(name)
        try:
            return limits_of_config(
                await trio.to_thread.run_sync(_read, path, limiter=self._threads)
            )
        except (OSError, LimitsUnknown) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else exc
            raise ClientError(f"Estimator config '{name}': {reason}") from exc

    async def write(self, path: Path, config: dict[str, Any]) -> None:
        """Raises `ClientError` 500 for a disk that refuses."""
        text = msgspec.json.format(msgspec.json.encode(config), indent=2) + b"\n"
        try:
            await trio.to_thread.run_sync(_write, path, text, limiter=self._threads)
        except OSError as exc:
            status = 400 if exc.errno in _BAD_NAMES else 500
            raise ClientError(f"{path.name} cannot be written: {exc.strerror}", status) from exc


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(SIZE_LIMIT_BYTES)


def _write(path: Path, text: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)
