"""Memory of the host and of this process, from /proc/meminfo and /proc/self/statm.

Pure. Sizes are kilobytes of 1024 bytes, as Moonraker shows them. Formats: proc(5).
"""

_FIELDS = {b"MemTotal": "total", b"MemAvailable": "available"}
_MOST_DIGITS = 18


def parse_meminfo(data: bytes) -> dict[str, int]:
    """Return `total`, `available` and `used` in kB; empty when either fact is missing."""
    found: dict[str, int] = {}
    for line in data.split(b"\n"):
        label, _, rest = line.partition(b":")
        name = _FIELDS.get(label)
        if name is None:
            continue
        size_kb = _kilobytes(rest)
        if size_kb is not None:
            found[name] = size_kb
        if len(found) == len(_FIELDS):
            break
    if len(found) < len(_FIELDS) or found["available"] > found["total"]:
        return {}
    return {**found, "used": found["total"] - found["available"]}


def _kilobytes(text: bytes) -> int | None:
    words = text.split()
    if len(words) != 2 or words[1] != b"kB" or not _is_number(words[0]):
        return None
    return int(words[0])


def parse_statm(data: bytes, page_bytes: int) -> int | None:
    """Return the resident memory in kB from /proc/<pid>/statm, None when it is not readable."""
    words = data.split(maxsplit=2)
    if len(words) < 2 or not _is_number(words[1]):
        return None
    return int(words[1]) * page_bytes // 1024


def _is_number(word: bytes) -> bool:
    return word.isdigit() and len(word) <= _MOST_DIGITS
