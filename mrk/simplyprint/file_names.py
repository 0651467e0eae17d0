"""Names for files that the cloud sends. Pure."""

from urllib.parse import unquote, urlsplit

GCODE_ENDINGS = (".gcode", ".g", ".gco", ".gc", ".ufp", ".nc", ".3mf", ".bgcode")
NAME_BYTES = 200


def download_name(url: str, wanted: object = None) -> str:
    """A plain file name: `wanted`, else the end of the URL's path; it ends as g-code does."""
    text = wanted if isinstance(wanted, str) and wanted.strip() else unquote(urlsplit(url).path)
    last = text.replace("\\", "/").rpartition("/")[2]
    name = "".join(char for char in last if char.isprintable()).strip().lstrip(".")
    stem, _, ending = name.rpartition(".")
    if stem and f".{ending.lower()}" in GCODE_ENDINGS:
        return f"{_cut(stem)}.{ending}"
    return f"{_cut(name) or 'simplyprint'}.gcode"


def copy_name(name: str, number: int) -> str:
    """For a file whose own name is in use."""
    stem, _, ending = name.rpartition(".")
    return f"{stem}_copy_{number}.{ending}"


def _cut(stem: str) -> str:
    return stem.encode()[:NAME_BYTES].decode(errors="ignore").strip()
