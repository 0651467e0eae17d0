"""Where the commands of a file begin and end, in bytes, for a progress that leaves comments out.

A command is any line that is neither blank nor a comment: macros, indented commands, bare ones
and the very first and last line count.
"""

from collections import deque

from mrk.gcode.source import COMMAND, Window

_BLOCK_BYTES = 16 * 1024
_OVERLAP_BYTES = 128  # longer than what COMMAND can match


def command_range(window: Window) -> tuple[int, int] | None:
    """Offset of the first command's first byte, and of the byte after the last command's line end.

    The end is the file's size when the last command has no line end. None without any command.
    """
    first = COMMAND.search(window.head)
    if first is None:
        return None
    text, shift = (window.tail, window.tail_offset) if window.tail else (window.head, 0)
    at = last_command(text)
    if at is None:  # a tail without commands, after its budget: the head's last one is known
        text, shift = window.head, 0
        at = last_command(text)
    line_end = text.find(b"\n", at or 0)
    end = shift + line_end if line_end >= 0 else min(shift + len(text) - 1, window.size_bytes)
    return first.start(1) - 1, end


def last_command(text: bytes) -> int | None:
    """Offset of the last command in a text that begins with a newline."""
    stop = len(text)
    while stop > 0:
        start = max(0, stop - _BLOCK_BYTES)
        found = deque(COMMAND.finditer(text, start, min(len(text), stop + _OVERLAP_BYTES)), 1)
        if found:
            return found[0].start(1)
        stop = start
    return None
