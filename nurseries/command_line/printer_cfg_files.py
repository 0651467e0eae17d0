"""Reads a printer.cfg with the files that it includes, as Klipper does: for `mrk estimate`.

What stands later wins, so does the block that SAVE_CONFIG keeps at the end.
"""

import glob
import re
from pathlib import Path

from mrk.estimate.printer_cfg import BadPrinterCfg, parse_printer_cfg

FILES_LIMIT = 200
SIZE_LIMIT_BYTES = 4 * 1024 * 1024
_INCLUDE = re.compile(r"^\[include[ \t]+([^\]\n]+)\]", re.MULTILINE)


def read_printer_cfg(path: Path) -> dict[str, dict[str, str]]:
    """Options by section; raises `BadPrinterCfg` and OSError."""
    return parse_printer_cfg(_whole_text(path, set()))


def _whole_text(path: Path, seen: set[Path]) -> str:
    """The file with its includes put in where they stand; a file counts once."""
    seen.add(path.resolve())
    if len(seen) > FILES_LIMIT:
        raise BadPrinterCfg(f"more than {FILES_LIMIT} files are included")
    with path.open("rb") as file:
        data = file.read(SIZE_LIMIT_BYTES + 1)
    if len(data) > SIZE_LIMIT_BYTES:
        raise BadPrinterCfg(f"{path} is larger than {SIZE_LIMIT_BYTES} bytes")
    text = data.decode(errors="replace")

    def included(found: re.Match[str]) -> str:
        pattern = found[1].strip()
        names = sorted(glob.glob(str(path.parent / pattern)))
        if not names and not glob.has_magic(pattern):
            raise BadPrinterCfg(f"{path} includes {pattern}, which is not there")
        files = [Path(name) for name in names]
        return "\n".join(_whole_text(one, seen) for one in files if one.resolve() not in seen)

    return _INCLUDE.sub(included, text)
