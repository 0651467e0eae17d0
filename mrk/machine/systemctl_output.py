"""What `systemctl` prints, as plain values.

Pure: bytes in, values out. Formats: systemctl(1) with `--plain --no-legend`, and `show`.
"""

from collections.abc import Sequence

from mrk.machine.machine_protocols import UnitStatus

SHOWN = ("LoadState", "ActiveState", "SubState")
_SUFFIX = ".service"


def parse_unit_files(output: bytes) -> list[str]:
    """Services of `list-unit-files`; templates and masked ones cannot be started."""
    lines = [line.split() for line in _lines(output)]
    return [
        words[0].removesuffix(_SUFFIX)
        for words in lines
        if len(words) >= 2 and _is_service(words[0]) and not words[1].startswith("masked")
    ]


def parse_units(output: bytes) -> list[str]:
    """Services of `list-units`: UNIT LOAD ACTIVE SUB DESCRIPTION."""
    lines = [line.split(None, 4) for line in _lines(output)]
    return [
        words[0].removesuffix(_SUFFIX)
        for words in lines
        if len(words) >= 4 and _is_service(words[0]) and is_controllable(words[1])
    ]


def is_controllable(load_state: str) -> bool:
    """Whether a unit of that load state can be started at all."""
    return load_state not in ("not-found", "masked")


def parse_show(output: bytes, names: Sequence[str]) -> dict[str, UnitStatus]:
    """States of `show --property=...` of several units: one block of lines for each, in order.

    Empty when the blocks are not as many as the names.
    """
    text = output.decode("utf-8", "replace").replace("\r", "")
    blocks = [_properties(block) for block in text.strip().split("\n\n") if block.strip()]
    if len(blocks) != len(names):
        return {}
    return {
        name: UnitStatus(block.get("ActiveState", "unknown"), block.get("SubState", "unknown"))
        for name, block in zip(names, blocks, strict=True)
        if is_controllable(block.get("LoadState", "not-found"))
    }


def _lines(output: bytes) -> list[str]:
    return output.decode("utf-8", "replace").splitlines()


def _is_service(unit: str) -> bool:
    return unit.endswith(_SUFFIX) and not unit.endswith("@" + _SUFFIX)


def _properties(block: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in block.splitlines())
    return {key: value for key, _, value in pairs}
