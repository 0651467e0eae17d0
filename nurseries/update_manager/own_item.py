"""The built-in item `moonraker`: this server itself, as front ends call it.

A clone that it runs from is followed as one; else it is the package in its own environment.
"""

import sys
from pathlib import Path

import msgspec

from config.settings.update_items import DependencySettings, UpdateChoices, UpdateItemSettings
from config.settings.update_manager import UpdateManagerSettings

NAME = "moonraker"
PROJECT = "mrk"


def own_settings(settings: UpdateManagerSettings, sources: Path) -> UpdateItemSettings:
    """As a section would say it; `sources` is the folder that holds the package `mrk`."""
    environment = Path(sys.prefix)
    choices = settings.moonraker
    is_clone = (sources / ".git").exists()
    if choices.channel is None:
        choices = msgspec.structs.replace(choices, channel=settings.channel)
    if not is_clone:
        choices = _without_commit(choices)
    return UpdateItemSettings(
        name=NAME,
        type="git_repo" if is_clone else "python",
        choices=choices,
        path=sources if is_clone else None,
        services=(NAME,),
        primary_branch="master" if is_clone else "",
        project=PROJECT,
        dependencies=DependencySettings(
            virtualenv=environment,
            requirements="requirements.lock" if is_clone else None,
        ),
    )


def own_launcher() -> Path | None:
    """What starts this release, where it is one of several beside each other; else None."""
    folder = Path(sys.prefix)
    launcher = folder.parent.parent / "bin" / "mrk"
    is_release = folder.parent.name == "releases" and (folder / ".complete").exists()
    return launcher if is_release and launcher.exists() else None


def _without_commit(choices: UpdateChoices) -> UpdateChoices:
    return msgspec.structs.replace(choices, pinned_commit=None)
