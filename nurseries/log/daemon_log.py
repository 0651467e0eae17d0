"""Sets up logging for the daemon and takes it down again.

`open_log` belongs around everything, `trio.run` included, so that the last traceback is kept;
leaving it flushes within a deadline and ends the writer thread.
"""

import atexit
import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from mrk.errors import MrkError
from mrk.log.formatters import JsonLines, Redact, TextLines
from nurseries.log.destinations import Console, UnbufferedOutput
from nurseries.log.line_queue import LineQueue, LogWriter
from nurseries.log.live_log import LiveLog
from nurseries.log.log_file import LogFile

FLUSH_S = 1.0
# Their lines hold URLs and headers, and with these the tokens of other services.
_QUIET = ("httpx", "httpcore")


class LogFileOff(MrkError):
    """There is no log file to roll over."""


class LogOptions(msgspec.Struct, frozen=True):
    """`file` None is `--nologfile`; `console` defaults to standard output."""

    file: Path | None
    verbose: bool = False
    structured: bool = False
    console: Any = None


class DaemonLog:
    """The open log. `warnings` are for people, in `server.info`; `live` is for who watches it."""

    def __init__(
        self, log_file: LogFile | None, warnings: list[str], lines: LineQueue, live: LiveLog
    ) -> None:
        self._log_file = log_file
        self.warnings = warnings
        self.live = live
        self._lines = lines

    def hide(self, redact: Redact) -> None:
        """Take the secrets of a configuration out of every line and traceback from now on."""
        self._lines.hide(redact)

    @property
    def file(self) -> Path | None:
        """The file that is written, None when there is only the console."""
        return None if self._log_file is None else self._log_file.path

    def roll_over(self) -> None:
        """Begin a fresh log file. Blocks, so call it in a thread.

        Raises `LogFileOff`, and `OSError` when the files cannot be renamed.
        """
        if self._log_file is None:
            raise LogFileOff("file logging is off")
        self._log_file.roll_over()


@contextlib.contextmanager
def open_log(options: LogOptions, *, flush_s: float = FLUSH_S) -> Iterator[DaemonLog]:
    """Log to the console and to `options.file` within the block.

    A missing folder is made (one level). When the file cannot be opened, the console remains and
    a warning says so. Leaving blocks for at most `flush_s`.
    """
    log_file, warnings = _open_file(options.file)
    destinations = _destinations(options, log_file)
    live = LiveLog()
    writer = LogWriter([*destinations, live])
    writer.start()
    try:
        with _connected(writer.lines, logging.DEBUG if options.verbose else logging.INFO):
            for warning in warnings:
                logging.getLogger(__name__).warning("%s", warning)
            yield DaemonLog(log_file, warnings, writer.lines, live)
    finally:
        if writer.stop(flush_s):
            for destination in destinations:
                destination.close()
        else:
            # It would wait for the lock that the stuck writer holds, and the exit with it.
            atexit.unregister(logging.shutdown)


def _open_file(path: Path | None) -> tuple[LogFile | None, list[str]]:
    if path is None:
        return None, []
    try:
        path.parent.mkdir(exist_ok=True)
        return LogFile(path), []
    except OSError as exc:
        return None, [f"Log file {path} cannot be written ({exc.strerror}): console only"]


def _destinations(options: LogOptions, log_file: LogFile | None) -> list[logging.Handler]:
    console = _standard_output() if options.console is None else options.console
    found: list[logging.Handler] = [] if console is None else [Console(console)]
    if log_file is not None:
        found.append(log_file)
    for destination in found:
        destination.setFormatter(JsonLines() if options.structured else TextLines())
    return found


def _standard_output() -> Any:
    """Descriptor 1 unbuffered, or what stands in its place; None when there is none at all."""
    try:
        return None if sys.stdout is None else UnbufferedOutput(sys.stdout.fileno())
    except OSError:
        return sys.stdout


@contextlib.contextmanager
def _connected(handler: logging.Handler, level: int) -> Iterator[None]:
    root = logging.getLogger()
    levels = {root: root.level}
    levels.update({logger: logger.level for logger in map(logging.getLogger, _QUIET)})
    for logger in levels:
        logger.setLevel(level if logger is root else logging.WARNING)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        for logger, before in levels.items():
            logger.setLevel(before)
