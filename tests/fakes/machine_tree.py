"""Hosts written down in tests/data/machine, one text file each, unpacked as /proc, /sys and /dev.

`path = value` is a file of one line, `path -> target` a link, `path <<` a file up to `>>`.
"""

from pathlib import Path

RECORDED = Path(__file__).parents[1] / "data/machine"


def unpack(name: str, into: Path) -> Path:
    """Unpack a host and return its root."""
    lines = iter((RECORDED / name / "tree.txt").read_text().splitlines())
    for line in lines:
        if not line or line.startswith("#"):
            continue
        path, sign, value = line.split(" ", 2) if line.count(" ") > 1 else (*line.split(" "), "")
        place = into / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if sign == "->":
            place.symlink_to(value)
        elif sign == "=":
            place.write_text(value + "\n")
        else:
            assert sign == "<<", line
            place.write_text("".join(text + "\n" for text in iter(lines.__next__, ">>")))
    return into
