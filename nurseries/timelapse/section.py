"""`[timelapse]`: what the configuration file says, read with the `Section` that add-ons get."""

from pathlib import Path
from typing import Any

import msgspec

from config.section import Section
from config.values import Bounds
from mrk.definitions.limits import MIB
from mrk.errors import ClientError
from mrk.timelapse.settings import BOUNDS, CHOICES, DEFAULTS, NAMES, checked

_BUDGET_MIB = Bounds(low=16, high=1_000_000, clamps=True)


class LapseSection(msgspec.Struct, frozen=True, kw_only=True):
    """`written` are settings that clients cannot change. `frame_path` None: in the data folder."""

    output_path: Path
    frame_path: Path | None
    ffmpeg_path: Path
    any_certificate: bool
    budget_bytes: int
    written: dict[str, Any]


def read_section(section: Section) -> LapseSection:
    """Mistakes are noted in the section."""
    return LapseSection(
        output_path=section.path("output_path", Path("~/timelapse").expanduser()),
        frame_path=section.path("frame_path", None),
        ffmpeg_path=section.path("ffmpeg_binary_path", Path("/usr/bin/ffmpeg")),
        any_certificate=section.boolean("wget_skip_cert_check", False),
        budget_bytes=section.integer("frame_budget", 1024, _BUDGET_MIB) * MIB,
        written=_written(section),
    )


def _written(section: Section) -> dict[str, Any]:
    found = {}
    for name in NAMES:
        is_written = section.written(name)
        value = _read(section, name, getattr(DEFAULTS, name))
        if is_written:
            found[name] = value
    return found


def _read(section: Section, name: str, default: Any) -> Any:
    low, high = BOUNDS.get(name, (None, None))
    match default:
        case bool():
            return section.boolean(name, default)
        case int():
            return section.integer(name, default, Bounds(low=low, high=high))
        case float():
            return section.number(name, default, Bounds(low=low, high=high))
        case _ if name in CHOICES:
            return section.choice(name, CHOICES[name], default)
        case _:
            return section.custom(name, default, lambda text: _text(name, text))


def _text(name: str, text: str) -> Any:
    try:
        return checked(name, text)
    except ClientError as exc:
        raise ValueError(exc.message) from None
