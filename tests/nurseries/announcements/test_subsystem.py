"""server.announcements.*: what clients ask and are told."""

import pytest
import trio

from mrk.api.caller import Transport
from mrk.errors import ClientError
from nurseries.announcements.dismissals import LONGEST_NAP_S
from tests.fakes.items import MemoryItems
from tests.nurseries.announcements.house import House, open_house


async def refused(call, status=400):
    with pytest.raises(ClientError) as error:
        await call
    assert error.value.status == status


async def test_methods_and_routes(autojump_clock):
    table = House().table
    for name in ("list", "update", "dismiss", "feeds", "post_feed", "delete_feed"):
        assert table.method(f"server.announcements.{name}", Transport.MQTT)
    assert table.verbs("/server/announcements/feed") == ["DELETE", "POST"]
    assert table.verbs("/server/announcements/dismiss") == ["POST"]


async def test_a_poll_brings_entries_newest_first_and_tells(autojump_clock):
    async with open_house() as house:
        house.feed("moonraker", "m1", "m2")
        house.feed("klipper", "k1")
        updated = await house.call("update")
        assert updated["modified"] is True
        assert [entry["entry_id"] for entry in updated["entries"]] == ["m2", "m1", "k1"]
        assert house.told() == [("update", ["m2", "m1", "k1"])]
        assert (await house.call("list"))["feeds"] == ["moonraker", "klipper"]
        assert (await house.call("update")) == {**updated, "modified": False}
        assert house.told() == []


async def test_only_named_feeds_are_polled(autojump_clock):
    async with open_house() as house:
        house.feed("klipper", "k1")
        await house.call("update", subscriptions=["Klipper"])
        assert house.asked() == ["klipper"]
        await refused(house.call("update", subscriptions=["klipper", "other"]))
        assert house.asked() == []
        assert (await house.call("update", subscriptions=[]))["modified"] is False


async def test_dismissing(autojump_clock):
    async with open_house() as house:
        house.feed("klipper", "k1", "k2")
        await house.call("update")
        house.told()
        assert await house.call("dismiss", entry_id="k1") == {"entry_id": "k1"}
        assert await house.call("dismiss", entry_id="k1", wake_time=5) == {"entry_id": "k1"}
        assert house.told() == [("dismissed", "k1")]
        assert await house.ids(include_dismissed=False) == ["k2"]
        assert await house.ids() == ["k2", "k1"]
        await refused(house.call("dismiss", entry_id="unknown"))
        await refused(house.call("dismiss", entry_id="k2", wake_time=None))
        await refused(house.call("dismiss"))


async def test_a_timed_dismissal_ends_at_its_time(autojump_clock):
    async with open_house() as house:
        house.feed("klipper", "k1", "k2")
        await house.call("update")
        await house.call("dismiss", entry_id="k2", wake_time=5000)
        await house.call("dismiss", entry_id="k1", wake_time=600)
        house.told()
        await trio.sleep(599)
        assert house.told() == []
        await trio.sleep(1.5)
        assert house.told() == [("wake", "k1")]
        entry = (await house.call("list"))["entries"][1]
        assert (entry["dismissed"], entry["date_dismissed"], entry["dismiss_wake"]) == (
            False, None, None,
        )  # fmt: skip
        await trio.sleep(4400)
        assert house.told() == [("wake", "k2")]


async def test_a_clock_that_is_set_is_noticed(autojump_clock):
    async with open_house() as house:
        house.feed("klipper", "k1")
        await house.call("update")
        await house.call("dismiss", entry_id="k1", wake_time=1_000_000)
        house.told()
        house.clock_ahead_s = 2_000_000
        await trio.sleep(LONGEST_NAP_S + 1)
        assert house.told() == [("wake", "k1")]


async def test_everything_is_there_after_a_restart(autojump_clock):
    async with open_house() as house:
        house.feed("klipper", "k1", "k2")
        house.feed("mine", "x1")
        await house.call("post_feed", name="Mine")
        await house.call("update")
        await house.call("dismiss", entry_id="k1", wake_time=1000)
        before = await house.call("list")
    async with open_house(house.items) as later:
        assert await later.call("list") == before
        assert later.asked() == []


async def test_a_dismissal_that_ended_while_off_is_lifted_without_a_word(autojump_clock):
    async with open_house() as house:
        house.feed("klipper", "k1")
        await house.call("update")
        await house.call("dismiss", entry_id="k1", wake_time=100)
    later = House(house.items)
    later.clock_ahead_s = 100
    assert await later.ids(include_dismissed=False) == ["k1"]
    assert later.told() == []


async def test_adding_and_removing_a_feed(autojump_clock):
    async with open_house(subscriptions=("mainsail",)) as house:
        house.feed("mine", "x1")
        assert await house.call("post_feed", name="MINE") == {"feed": "mine", "action": "added"}
        assert house.told() == [("update", ["x1"])]
        again = await house.call("post_feed", name="mine")
        assert again == {"feed": "mine", "action": "skipped"}
        assert (await house.call("feeds"))["feeds"] == ["moonraker", "klipper", "mainsail", "mine"]
        assert house.items.records("moonraker")["announcements"] == {"stored_feeds": ["mine"]}
        removed = await house.call("delete_feed", name="Mine")
        assert removed == {"feed": "mine", "action": "removed"}
        assert house.told() == [("update", [])]
        assert house.items.records("announcements") == {}
        for name in ("mine", "klipper", "mainsail", "../x"):
            await refused(house.call("delete_feed", name=name))
        # A feed that nobody knows is subscribed all the same, and leaves nothing behind.
        await house.call("post_feed", name="unknown")
        await house.call("delete_feed", name="unknown")
        assert house.told() == []


async def test_a_removed_feed_that_returns_is_read_anew(autojump_clock):
    async with open_house() as house:
        house.feed("mine", "x1", etag='"1"')
        await house.call("post_feed", name="mine")
        await house.call("delete_feed", name="mine")
        house.http.asked.clear()
        await house.call("post_feed", name="mine")
        assert dict(house.http.asked[0][1]) == {}
        assert await house.ids() == ["x1"]


@pytest.mark.parametrize("name", ["", "../secret", "a/b", "a b", "{0}"])
async def test_names_that_are_none(name, autojump_clock):
    async with open_house() as house:
        await refused(house.call("post_feed", name=name))
        assert house.asked() == []


async def test_what_moonraker_left_is_taken_over(autojump_clock):
    entry = {"entry_id": "k1", "url": "u", "title": "t", "description": "d", "priority": "high",
             "date": 1, "dismissed": True, "source": "moonlight", "feed": "Klipper"}  # fmt: skip
    items = MemoryItems(
        moonraker={"announcements": {"stored_feeds": ["myfeed"]}, "other": {"a": 1}},
        announcements={"000004": entry},
    )
    async with open_house(items) as house:
        listed = await house.call("list")
        assert listed["feeds"] == ["moonraker", "klipper", "myfeed"]
        assert listed["entries"] == [{**entry, "date_dismissed": None, "dismiss_wake": None}]
        house.feed("klipper", "k1", "k2")
        await house.call("update")
        assert set(items.records("announcements")) == {"000004", "000005"}
        assert await house.ids(include_dismissed=False) == ["k2"]


async def test_a_component_announces_something(autojump_clock):
    async with open_house() as house:
        entry = await house.announcements.add_internal("spoolman", "Empty", "No spool.")
        assert house.told() == [("update", [entry.entry_id])]
        await house.call("update")
        assert await house.ids() == [entry.entry_id]
        await house.announcements.take_back(entry.entry_id)
        assert await house.ids() == []
        assert ("update", []) in house.told()
        await house.announcements.take_back(entry.entry_id)
        assert house.told() == []


async def test_a_full_disk(autojump_clock):
    async with open_house() as house:
        house.feed("klipper", "k1")
        await house.call("update")
        house.told()
        house.items.full = True
        await refused(house.call("dismiss", entry_id="k1"), 507)
        await refused(house.call("post_feed", name="mine"), 507)
        assert house.told() == []
        assert await house.ids(include_dismissed=False) == ["k1"]
        assert (await house.call("feeds"))["feeds"] == ["moonraker", "klipper"]
        # What comes from feeds is shown, and stored once there is space again.
        house.feed("klipper", "k1", "k2")
        assert (await house.call("update"))["modified"] is True
        assert house.told() == [("update", ["k2", "k1"])]
    house.items.full = False
    async with open_house(house.items, http=house.http) as later:
        await later.call("update")
        assert await later.ids() == ["k2", "k1"]
