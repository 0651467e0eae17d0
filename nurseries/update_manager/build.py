"""Builds the update manager for `[update_manager]`."""

import time

from config.settings.update_manager import UpdateManagerSettings
from mrk.subsystem import Additions, Needs
from nurseries.update_manager.child import ChildRunner
from nurseries.update_manager.download import Downloader
from nurseries.update_manager.github import GitHub
from nurseries.update_manager.items import ItemMaker
from nurseries.update_manager.restarts import Restarts
from nurseries.update_manager.stored_items import StoredItems
from nurseries.update_manager.subsystem import UpdateClock, UpdateManager
from nurseries.update_manager.unknown_item import UnknownItem

BEAT_S = 3600.0


def build(settings: UpdateManagerSettings, needs: Needs, additions: Additions) -> None:
    """The part, and its warnings."""

    def is_printing() -> bool:
        return needs.job_state.is_active

    github = GitHub(needs.http)
    manager = UpdateManager(
        settings,
        needs.klippy,
        needs.clients,
        StoredItems(needs.database),
        github,
        ItemMaker(
            ChildRunner(),
            github,
            Downloader(needs.http, github.scheme),
            needs.http,
            is_printing,
        ),
        Restarts(needs.services, is_printing),
        is_printing,
        {"moonraker": UnknownItem("moonraker")},
        UpdateClock(time.time, lambda: time.localtime().tm_hour, BEAT_S),
    )
    additions.add("update_manager", manager)
