"""Builds the update manager for `[update_manager]`."""

import time
from pathlib import Path

import mrk
from config.settings.update_manager import UpdateManagerSettings
from mrk.machine.host_access import HostAccess
from mrk.subsystem import Additions, Needs
from mrk.updates.item import UpdateItem
from mrk.updates.schedule import BEAT_S
from nurseries.update_manager.apt import Apt
from nurseries.update_manager.child import ChildRunner
from nurseries.update_manager.download import Downloader
from nurseries.update_manager.github import GitHub
from nurseries.update_manager.items import ItemMaker
from nurseries.update_manager.own_item import own_launcher, own_settings
from nurseries.update_manager.own_release_item import OwnReleaseItem
from nurseries.update_manager.refresher import UpdateClock
from nurseries.update_manager.restarts import Restarts
from nurseries.update_manager.stored_items import StoredItems
from nurseries.update_manager.subsystem import UpdateManager
from nurseries.update_manager.system_item import SystemItem, SystemPackageManager, SystemPackages


def build(settings: UpdateManagerSettings, needs: Needs, additions: Additions) -> None:
    """The part, and its warnings."""

    def is_printing() -> bool:
        return needs.job_state.is_busy

    runner, github = ChildRunner(), GitHub(needs.http)
    packages = _package_manager(settings, needs.host, runner)
    maker = ItemMaker(
        runner,
        github,
        Downloader(needs.http, github.scheme),
        needs.http,
        is_printing,
        packages,
        debug=needs.debug,
    )
    built_in: dict[str, UpdateItem] = {}
    if packages is not None:
        built_in["system"] = SystemItem(packages)
        additions.warnings.append(lambda: [packages.warning] if packages.warning else [])
    sources = Path(mrk.__file__).resolve().parents[1]
    own, launcher = own_settings(settings, sources), own_launcher()
    if launcher is None:
        built_in["moonraker"] = maker.make(own)
    else:
        built_in["moonraker"] = OwnReleaseItem(own, launcher, needs.data_path, runner)
    manager = UpdateManager(
        settings,
        needs.klippy,
        needs.clients,
        StoredItems(needs.database),
        github,
        maker,
        Restarts(needs.services, is_printing),
        is_printing,
        built_in,
        UpdateClock(time.time, lambda: time.localtime().tm_hour, BEAT_S),
    )
    additions.add("update_manager", manager)


def _package_manager(
    settings: UpdateManagerSettings, host: HostAccess, runner: ChildRunner
) -> SystemPackageManager | None:
    """None where the packages of the system are not to be touched."""
    if not settings.enable_system_updates or host.root is None:
        return None
    candidates: list[SystemPackages] = []
    if settings.enable_packagekit and host.open_bus is not None:
        from nurseries.update_manager.packagekit import PackageKit

        candidates.append(PackageKit(host.open_bus))
    return SystemPackageManager([*candidates, Apt(runner, host.root)])
