import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.announcements.entries import MOST_INTERNAL, MOST_WAKE_S, WAKE_AT_START_S, Entries
from mrk.announcements.entry import Entry, from_item
from mrk.announcements.feed_parser import FeedItem
from mrk.errors import ClientError

NOW = 1_700_000_000.0


def item(guid, day=1, **more):
    return FeedItem(guid, pub_date=f"{day:02} Mar 2022 19:33:39 GMT", **more)


def filled(*guids, feed="klipper"):
    entries = Entries()
    entries.merge(feed, [item(g, day) for day, g in enumerate(guids, 1)], NOW)
    return entries


def ids(entries, **options):
    return [entry.entry_id for entry in entries.listed(**options)]


def test_an_entry_of_a_feed():
    entry = from_item(
        "klipper",
        FeedItem("a/b/issue/1", "https://x", "T", "D", "high", "Wed, 16 Mar 2022 19:33:39 GMT"),
        NOW,
    )
    assert msgspec.to_builtins(entry) == {
        "entry_id": "a/b/issue/1", "url": "https://x", "title": "T", "description": "D",
        "priority": "high", "date": 1647459219.0, "dismissed": False, "date_dismissed": None,
        "dismiss_wake": None, "source": "moonlight", "feed": "klipper",
    }  # fmt: skip


@pytest.mark.parametrize("link", ["javascript:alert(1)", "file:///etc/passwd", "x", "", None])
def test_links_that_no_page_may_follow(link):
    assert from_item("f", FeedItem("a", link), NOW).url is None


@pytest.mark.parametrize(
    "date", [None, "", "soon", "32 Mar 2022", "1 Jan 99999 00:00:00", "x" * 99]
)
def test_without_a_date_it_is_of_today(date):
    assert from_item("f", FeedItem("a", pub_date=date), NOW).date == NOW


@given(st.text(max_size=40))
def test_any_date_and_category(text):
    entry = from_item("f", FeedItem("a", category=text, pub_date=text), NOW)
    assert entry.priority in ("normal", "high")
    assert isinstance(entry.date, float)


def test_newest_first():
    assert ids(filled("a", "b", "c")) == ["c", "b", "a"]


def test_vanished_entries_go_and_come_back_new():
    entries = filled("a", "b")
    entries.dismiss("a", None, NOW)
    changes = entries.merge("klipper", [item("b", 2)], NOW)
    assert (ids(entries), changes.put, len(changes.delete)) == (["b"], {}, 1)
    entries.merge("klipper", [item("a"), item("b", 2)], NOW)
    assert ids(entries, include_dismissed=False) == ["b", "a"]


def test_nothing_new_is_no_change():
    entries = filled("a", "b")
    entries.dismiss("a", None, NOW)
    assert not entries.merge("klipper", [item("a", title="other"), item("b", 2)], NOW)
    assert ids(entries, include_dismissed=False) == ["b"]


def test_no_feed_takes_anothers_entries():
    entries = filled("a")
    changes = entries.merge("evil", [item("a", title="mine"), item("b")], NOW)
    assert len(changes.put) == 1
    entries.merge("evil", [], NOW)
    assert [(e.entry_id, e.title) for e in entries.listed()] == [("a", None)]


def test_forgetting_a_feed():
    entries = filled("a")
    entries.merge("other", [item("b")], NOW)
    assert len(entries.forget("other").delete) == 1
    assert not entries.forget("other")
    assert ids(entries) == ["a"]


def test_dismissing_for_good_and_once():
    entries = filled("a", "b")
    (record,) = entries.dismiss("a", None, NOW).put.values()
    assert (record["dismissed"], record["date_dismissed"], record["dismiss_wake"]) == (
        True, NOW, None,
    )  # fmt: skip
    assert not entries.dismiss("a", 5, NOW + 1)
    assert entries.next_wake() is None
    assert ids(entries, include_dismissed=False) == ["b"]
    assert ids(entries) == ["b", "a"]


def test_dismissing_for_a_time():
    entries = filled("a", "b")
    entries.dismiss("a", 60, NOW)
    entries.dismiss("b", 30, NOW)
    assert entries.next_wake() == NOW + 30
    assert entries.wake(NOW + 29.9)[0] == []
    woken, changes = entries.wake(NOW + 30)
    assert woken == ["b"]
    (record,) = changes.put.values()
    assert (record["dismissed"], record["date_dismissed"], record["dismiss_wake"]) == (
        False, None, None,
    )  # fmt: skip
    assert entries.next_wake() == NOW + 60


@pytest.mark.parametrize("wake_s", [0, MOST_WAKE_S])
def test_wake_times_at_their_edges(wake_s):
    entries = filled("a")
    entries.dismiss("a", wake_s, NOW)
    assert entries.next_wake() == NOW + wake_s


@pytest.mark.parametrize("wake_s", [-1, MOST_WAKE_S + 1, 10**400])
def test_wake_times_that_are_none(wake_s):
    entries = filled("a")
    with pytest.raises(ClientError):
        entries.dismiss("a", wake_s, NOW)
    with pytest.raises(ClientError):
        entries.dismiss("unknown", None, NOW)


def reloaded(records, now=NOW, feeds=("moonraker", "klipper")):
    entries = Entries()
    return entries, entries.load(records, feeds, now)


def test_stored_entries_are_the_same_after_a_restart():
    entries = Entries()
    stored = entries.merge("klipper", [item("a"), item("b", 2)], NOW).put
    stored |= entries.dismiss("a", 1000, NOW).put
    later, changes = reloaded(stored)
    assert later.listed() == entries.listed()
    assert not changes
    new = later.merge("klipper", [item("a"), item("b", 2), item("c", 3)], NOW).put
    assert not set(new) & set(stored)


def test_dismissals_that_ended_meanwhile_are_lifted():
    entries = filled("a", "b")
    stored = entries.dismiss("a", 100, NOW).put
    stored |= entries.dismiss("b", 101, NOW).put
    later, changes = reloaded(stored, NOW + 100 - WAKE_AT_START_S)
    assert ids(later, include_dismissed=False) == ["a"]
    assert len(changes.put) == 1


def test_records_of_old_versions_and_others():
    old = {"entry_id": "a", "url": "u", "title": "t", "description": "d", "priority": "normal",
           "date": 1, "dismissed": True, "source": "moonlight", "feed": "Klipper"}  # fmt: skip
    entries, changes = reloaded({"000001": old, "x": 5, "000002": {**old, "date": "soon"}})
    assert entries.listed()[0] == msgspec.convert(old, Entry)
    assert not changes
    assert len(entries.merge("klipper", [], NOW).delete) == 1


def test_entries_of_feeds_that_nobody_reads_are_dropped():
    stored = filled("a", feed="gone").dismiss("a", None, NOW).put
    entries, changes = reloaded(stored)
    assert (entries.listed(), changes.delete) == ([], list(stored))
    entries = Entries()
    _entry, changes = entries.add_internal("spoolman", "t", "d", None, "normal", NOW)
    assert ids(reloaded(changes.put)[0]) == ids(entries)


def test_what_a_component_takes_back():
    entries = filled("a")
    entry, _ = entries.add_internal("simplyprint", "t", "d", None, "high", NOW)
    changes = entries.take_back(entry.entry_id)
    assert (len(changes.delete), ids(entries)) == (1, ["a"])
    assert not entries.take_back(entry.entry_id)
    assert not entries.take_back("a")  # of a feed


def test_internal_ones():
    entries = Entries()
    first, _ = entries.add_internal("update_manager", "t", "d", "https://x", "high", NOW)
    second, _ = entries.add_internal("update_manager", "t", "d", None, "high", NOW)
    assert first.entry_id == "update_manager/2023-11-14T22:13:20.000+00:00"
    assert second.entry_id.startswith(first.entry_id)
    assert (first.source, first.feed) == ("internal", "update_manager")
    assert not entries.merge("update_manager", [], NOW)
    for number in range(MOST_INTERNAL):
        _, changes = entries.add_internal("x", "t", "d", None, "normal", NOW + number + 1)
    assert len(entries.listed()) == MOST_INTERNAL
    assert len(changes.delete) == 1
    assert first.entry_id not in ids(entries)
