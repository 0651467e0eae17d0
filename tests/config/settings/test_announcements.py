"""[announcements]: defaults, and names of feeds."""

import pytest

from config.settings.announcements import AnnouncementSettings


@pytest.fixture
def read(read):
    return lambda text="": read(f"[announcements]\n{text}")


def test_defaults(read):
    loaded = read()
    assert loaded.settings.announcements == AnnouncementSettings()
    assert loaded.warnings == []


def test_names_are_in_lower_case_and_once(read):
    loaded = read("subscriptions:\n  Mainsail\n  my_feed\n  mainsail\n")
    assert loaded.settings.announcements.subscriptions == ("mainsail", "my_feed")
    assert loaded.warnings == []


def test_spoolman_brings_its_feed(read):
    spoolman = "[spoolman]\nserver: http://localhost:7912\n"
    loaded = read(f"subscriptions: mainsail\n{spoolman}")
    assert loaded.settings.announcements.subscriptions == ("mainsail", "spoolman")
    assert loaded.config["announcements"]["subscriptions"] == ["mainsail"]
    twice = read(f"subscriptions: spoolman\n{spoolman}").settings.announcements
    assert twice.subscriptions == ("spoolman",)


@pytest.mark.parametrize("name", ["../x", "a/b", ".x", "a b", "a" * 65, "ä", "a%2f"])
def test_bad_names_are_skipped_with_a_warning(read, name):
    loaded = read(f"subscriptions:\n  good\n  {name}\n")
    assert loaded.settings.announcements.subscriptions == ("good",)
    assert "subscriptions" in loaded.warnings[0]


def test_the_longest_name(read):
    name = "a" * 64
    assert read(f"subscriptions: {name}\n").settings.announcements.subscriptions == (name,)


def test_switches(read):
    loaded = read("enable_moonlight: no\ndev_mode: yes\n").settings.announcements
    assert (loaded.enable_moonlight, loaded.dev_mode) == (False, True)
