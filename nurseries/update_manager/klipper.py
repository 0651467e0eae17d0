"""The built-in item `klipper`: the clone that the connected Klipper runs from.

Its place is told by Klipper itself, and remembered for the next start.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from config.settings.update_items import DependencySettings, UpdateItemSettings
from config.settings.update_manager import UpdateManagerSettings

NAME = "klipper"
ORIGIN = "https://github.com/Klipper3d/klipper.git"
# Where it was before it became an organisation.
MOVED_ORIGIN = "https://github.com/KevinOConnor/klipper.git"


class KlipperPlace(msgspec.Struct, frozen=True):
    """Klipper's sources and the interpreter that runs them."""

    klipper_path: str
    python_path: str


def place_of(info: Mapping[str, Any]) -> KlipperPlace | None:
    """From Klipper's `info`, or from what is stored of the item; None when it does not say."""
    found = info.get("klipper_path"), info.get("python_path")
    if not all(isinstance(text, str) and text.startswith("/") for text in found):
        return None
    return KlipperPlace(str(found[0]), str(found[1]))


def klipper_settings(settings: UpdateManagerSettings, place: KlipperPlace) -> UpdateItemSettings:
    """As a section would say it."""
    choices = settings.klipper
    if choices.channel is None:
        choices = msgspec.structs.replace(choices, channel=settings.channel)
    environment = Path(place.python_path).parent.parent
    return UpdateItemSettings(
        name=NAME,
        type="git_repo",
        choices=choices,
        path=Path(place.klipper_path),
        services=(NAME,),
        origin=ORIGIN,
        moved_origin=MOVED_ORIGIN,
        primary_branch="master",
        dependencies=DependencySettings(
            virtualenv=environment,
            requirements="scripts/klippy-requirements.txt",
            install_script="scripts/install-octopi.sh",
        ),
    )
