"""Each namespace that mrk reads settings or state from is one that not everybody may write."""

import re
from pathlib import Path

from mrk.database.namespaces import ADMINS, FORBIDDEN, PROTECTED

ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"^[A-Z_]*NAMESPACE(?:, [A-Z_]*KEY)? = \"(\w+)\"", re.MULTILINE)
# Lanes are for slicers, and only written; Moonraker's own are only read by an import.
_OTHERS = {"lane_data", "authorized_users", "history"}


def test_every_one_is_reserved() -> None:
    sources = [path for top in ("mrk", "nurseries") for path in (ROOT / top).rglob("*.py")]
    found = {name for path in sources for name in _NAMED.findall(path.read_text())}
    assert {"timelapse", "webcams", "moonraker", "gcode_metadata"} <= found
    assert found - (PROTECTED | FORBIDDEN | ADMINS) == _OTHERS
