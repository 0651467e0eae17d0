"""How every command ends: what it printed has arrived, and an interruption is no fault.

Ctrl-C and a reader that is gone (`mrk watch | head`) end a command without a word, a full disk
behind standard output with one line. Entered by `mrk/__main__.py`, around everything.
"""

import codecs
import contextlib
import errno
import io
import os
import select
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

# As a shell tells of a program that was ended by these signals.
INTERRUPTED = 128 + signal.SIGINT
UNREAD = 128 + signal.SIGPIPE
_AS_FAR_AS_POSSIBLE = "as_far_as_possible"
# Of a pipe nobody reads, and of a terminal that was closed.
_NOBODY_READS = frozenset({errno.EPIPE, errno.EIO})


class OutputLost(BaseException):
    """Standard output cannot be written; like Ctrl-C it passes every handler of faults."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class StandardOutput(io.FileIO):
    """Descriptor 1 as commands print to it: waits while it is full, also where it does not block.

    Pipes that somebody else made non-blocking would lose what does not fit.
    """

    def write(self, data: Any) -> int:
        """Write a part, at least one byte; raises `OutputLost`."""
        try:
            while (written := super().write(data)) is None:
                select.select([], [self.fileno()], [])
        except OSError as exc:
            raise OutputLost(exc) from exc
        return written


def end_after(command: Callable[[], object]) -> NoReturn:
    """Run a command and end the process; its exit code is what it gives to `sys.exit`."""
    try:
        code = _run(command)
    except* KeyboardInterrupt:
        code = INTERRUPTED
    except* (OutputLost, BrokenPipeError) as group:
        code = _told(group)
    else:
        sys.exit(code)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _let_go_of_output()
    sys.exit(code)


def print_to(descriptor: int) -> None:
    """Let `print` and click write there, through `StandardOutput`."""
    if sys.stdout is None:
        return  # closed from the beginning: the descriptor may be any file by now
    codecs.register_error(_AS_FAR_AS_POSSIBLE, _as_far_as_possible)
    raw = StandardOutput(descriptor, "w", closefd=False)
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=sys.stdout.encoding,
        errors=_AS_FAR_AS_POSSIBLE,
        line_buffering=raw.isatty(),
    )


def _as_far_as_possible(error: UnicodeError) -> tuple[str | bytes, int]:
    """Bytes of names that are no UTF-8 as they are; what else cannot be encoded, escaped."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(error)


def _run(command: Callable[[], object]) -> int | str | None:
    code: int | str | None = None
    try:
        command()
    except SystemExit as exc:
        code = exc.code
    if sys.stdout is not None:
        sys.stdout.flush()
    return code


def _told(group: BaseExceptionGroup[OutputLost | BrokenPipeError]) -> int:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    cause = first.cause if isinstance(first, OutputLost) else first
    if isinstance(cause, OSError) and cause.errno in _NOBODY_READS:
        return UNREAD
    with contextlib.suppress(OSError):
        print(f"mrk: standard output cannot be written: {cause}", file=sys.stderr, flush=True)
    return 1


def _let_go_of_output() -> None:
    """What is still buffered is for nobody; the interpreter would write it at its exit, or hang."""
    nobody = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            os.dup2(nobody, stream.fileno())
