"""Log records -> lines: readable text, or JSON objects for `--structured-logging`.

A line is bounded, and text from outside can neither forge a line nor steer a terminal. `settle` is
called by whoever logs and touches no disk; a traceback shows lines of source files, which
`complete` reads in the thread that writes.
"""

import copy
import logging
import traceback
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

LIMIT_CHARS = 16_000

# Control characters are shown as escapes; line ends become continuation lines.
_SHOWN = {
    code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"
}
Redact = Callable[[str], str]
# Where a settled record has what `complete` needs.
_UNREAD = "unread_traceback"


def settle(record: logging.LogRecord, redact: Redact | None = None) -> logging.LogRecord:
    """Return a copy that no longer refers to objects of the caller, ready for another thread.

    `redact` takes secrets out. The message is then cut at `LIMIT_CHARS`; its head is kept. The
    traceback is added by `complete`.
    """
    settled = copy.copy(record)
    message = record.getMessage()
    if redact is not None:
        message = redact(message)
    if len(message) > LIMIT_CHARS:
        message = f"{message[:LIMIT_CHARS]}... ({len(message) - LIMIT_CHARS} more characters)"
    # Lone surrogates come from file names and JSON; no encoding takes them.
    settled.msg = message.encode("utf-8", "backslashreplace").decode()
    settled.args = None
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        unread = traceback.TracebackException(
            type(error), error, record.exc_info[2], lookup_lines=False, compact=True
        )
        settled.__dict__[_UNREAD] = unread, redact
    settled.exc_info = None
    return settled


def complete(settled: logging.LogRecord) -> None:
    """Give a settled record the text of its traceback, if it has one; reads source files.

    It is cut at `LIMIT_CHARS`: its end is kept, where the error stands.
    """
    found: tuple[traceback.TracebackException, Redact | None] | None
    found = settled.__dict__.pop(_UNREAD, None)
    if found is not None:
        unread, redact = found
        text = "".join(unread.format()).removesuffix("\n")
        settled.exc_text = (text if redact is None else redact(text))[-LIMIT_CHARS:]


class TextLines(logging.Formatter):
    """`2024-05-01 10:00:00,123 INFO nurseries.root: message`, local time."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; further lines of it are indented, so they cannot pose as records."""
        return super().format(record).translate(_SHOWN).replace("\n", "\n    ")


class JsonLines(logging.Formatter):
    """One JSON object a line: `time` (UTC), `level`, `logger`, `message`, and `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object as one line."""
        at = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": at.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_text:
            line["exception"] = record.exc_text
        return msgspec.json.encode(line).decode()
