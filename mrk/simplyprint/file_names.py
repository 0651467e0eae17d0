"""Names for files that the cloud sends. Pure."""

from urllib.parse import unquote, urlsplit

from mrk.files.paths import BINARY_SUFFIX, GCODE_SUFFIXES

_ENDINGS = (*GCODE_SUFFIXES, BINARY_SUFFIX, ".gc", ".3mf")
NAME_BYTES = 200


def download_name(url: str, wanted: object = None) -> str:
    """A plain file name: `wanted`, else the end of the URL's path; it ends as g-code does."""
    text = wanted if isinstance(wanted, str) and wanted.strip() else unquote(urlsplit(url).path)
    last = text.replace("\\", "/").rpartition("/")[2]
    name = "".join(char for char in last if char.isprintable()).strip().lstrip(".")
    stem, _, ending = name.rpartition(".")
    if stem and f".{ending.lower()}" in _ENDINGS:
        return f"{_cut(stem)}.{ending}"
    return f"{_cut(name) or 'simplyprint'}.gcode"


def copy_name(name: str, number: int) -> str:
    """For a file whose own name is in use."""
    stem, _, ending = name.rpartition(".")
    return f"{stem}_copy_{number}.{ending}"


def _cut(stem: str) -> str:
    return stem.encode()[:NAME_BYTES].decode(errors="ignore").strip()
