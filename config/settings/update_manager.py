"""`[update_manager]` and its items: what is kept up to date, and when it is looked for.

Read by `read_update_manager`; without any of these sections nothing is updated.
"""

from functools import partial

import msgspec

from config.config_errors import quoted
from config.paths import Paths
from config.reader import ConfigReader
from config.settings.update_items import (
    ALL_CHANNELS,
    HOUR_S,
    HOURS,
    UpdateChoices,
    UpdateItemSettings,
    interval_s,
    item_name,
    read_choices,
    read_item,
)
from config.values import Bounds, integer

SECTION = "update_manager"
BUILT_IN = ("moonraker", "klipper")
_HOUR = Bounds(low=0, high=23)
# Each item is one line of every status that clients get.
MOST_ITEMS = 100


class UpdateManagerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`refresh_window` are two hours of local time, the second one exclusive; it may cross
    midnight. `channel` is the default of the two built-in items, `moonraker` and `klipper`."""

    enable_auto_refresh: bool = False
    refresh_window: tuple[int, int] = (0, 5)
    refresh_interval_s: float = 168 * HOUR_S
    enable_system_updates: bool = True
    enable_packagekit: bool = True
    channel: str | None = None
    moonraker: UpdateChoices = UpdateChoices()
    klipper: UpdateChoices = UpdateChoices()
    items: tuple[UpdateItemSettings, ...] = ()


def read_update_manager(reader: ConfigReader, paths: Paths) -> UpdateManagerSettings | None:
    """Read `[update_manager]` and every `[update_manager <name>]`; None without any of them.

    Items alone are enough: what `[update_manager]` may say then has its defaults. Mistakes in an
    item are warnings, and it is left out; of two of a name the first one counts.
    """
    if not reader.has(SECTION) and not reader.named(SECTION):
        return None
    section = reader.section(SECTION)
    section.ignored("enable_repo_debug", "Use the command line switch --debug.")
    return UpdateManagerSettings(
        enable_auto_refresh=section.boolean("enable_auto_refresh", False),
        refresh_window=section.custom("refresh_window", (0, 5), _hours),
        refresh_interval_s=interval_s(section.integer("refresh_interval", 168, HOURS)),
        enable_system_updates=section.boolean("enable_system_updates", True),
        enable_packagekit=section.boolean("enable_packagekit", True),
        channel=section.choice("channel", ALL_CHANNELS, None),
        moonraker=_built_in(reader, "moonraker"),
        klipper=_built_in(reader, "klipper"),
        items=_items(reader),
    )


def _hours(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    if not (first.strip() and last.strip()):
        raise ValueError(f"{quoted(text)} is not a window (expected two hours, such as 0-5)")
    window = integer(first, _HOUR), integer(last, _HOUR)
    if window[0] == window[1]:
        raise ValueError(f"{quoted(text)} has the same hour twice (expected two that differ)")
    return window


def _built_in(reader: ConfigReader, name: str) -> UpdateChoices:
    title = f"{SECTION} {name}"
    if not reader.has(title):
        return UpdateChoices()
    # Which type it is shows only on the host; git_repo has all channels.
    return read_choices(reader.section(title), "git_repo")


def _items(reader: ConfigReader) -> tuple[UpdateItemSettings, ...]:
    wanted = [title for title in reader.named(SECTION) if item_name(title) not in BUILT_IN]
    found: dict[str, UpdateItemSettings] = {}
    for item in reader.entries_of(wanted, partial(read_item, reader)):
        place = reader.place(f"{SECTION} {item.name}")
        if item.name in found or item.name == "system":
            text = f"[{SECTION} {item.name}] is not used: there is an item of that name already."
            reader.warn(text, place)
        elif len(found) >= MOST_ITEMS:
            text = f"[{SECTION} {item.name}] is not used: {MOST_ITEMS} items are the most."
            reader.warn(text, place)
        else:
            found[item.name] = item
    return tuple(found.values())
