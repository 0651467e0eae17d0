"""When feeds are polled, and what feeds that do not behave cost: a warning."""

import pytest
import trio
import trio.testing

from nurseries.announcements.feed_polling import FETCH_S
from nurseries.announcements.poller import FIRST_POLL_S, POLL_S
from nurseries.announcements.source import FEED_BYTES
from tests.nurseries.announcements.house import URL, House, open_house, rss

BOTH = ["klipper", "moonraker"]
KLIPPER = URL.format(feed="klipper")


async def test_every_30_minutes_on_absolute_instants(autojump_clock):
    async with open_house() as house:
        for feed in BOTH:
            house.feed(feed)
        await trio.sleep(FIRST_POLL_S - 0.1)
        assert house.asked() == []
        for _ in range(5):
            await trio.sleep(1)
            assert house.asked() == BOTH
            await trio.sleep(POLL_S - 1)


async def test_nothing_is_fetched_before_somebody_reads(autojump_clock):
    async with open_house(wait_for_reader=True) as house:
        for feed in BOTH:
            house.feed(feed)
        await trio.sleep(POLL_S)
        assert house.asked() == []
        await house.ids()
        await trio.sleep(FIRST_POLL_S + 1)
        assert house.asked() == BOTH


async def test_new_entries_are_told_without_being_asked_for(autojump_clock):
    async with open_house() as house:
        house.feed("klipper", "k1")
        await trio.sleep(FIRST_POLL_S + 1)
        assert house.told() == [("update", ["k1"])]
        house.feed("klipper")
        await trio.sleep(POLL_S)
        assert house.told() == [("update", [])]


async def test_what_did_not_change_is_not_sent_again(autojump_clock):
    async with open_house() as house:
        house.feed("klipper", "k1", etag='"7"')
        await house.call("update", subscriptions=["klipper"])
        house.http.put(KLIPPER, b"", status=304)
        updated = await house.call("update", subscriptions=["klipper"])
        assert dict(house.http.asked[-1][1]) == {"If-None-Match": '"7"'}
        assert updated["modified"] is False
        assert await house.ids() == ["k1"]


async def test_a_feed_out_of_reach_is_asked_rarely_and_warned_of_once(autojump_clock, caplog):
    async with open_house() as house:
        house.feed("moonraker")
        await trio.sleep(FIRST_POLL_S + 1)
        counts = []
        for _ in range(16):
            counts.append(house.asked().count("klipper"))
            await trio.sleep(POLL_S)
        assert [beat for beat, count in enumerate(counts) if count] == [0, 2, 6, 14]
        lines = [record.message for record in caplog.records]
        assert len(lines) == 3
        assert all("klipper" in line for line in lines)
        # Asking for it asks it at once, and once it works it is polled at each beat again.
        house.feed("klipper", "k1")
        await house.call("update", subscriptions=["klipper"])
        house.asked()
        await trio.sleep(2 * POLL_S)
        assert house.asked().count("klipper") == 2


LAUGHS = b"""<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<rss><channel><item><guid>&b;</guid></item></channel></rss>"""


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (LAUGHS, 200),
        (b"<!DOCTYPE html><html><body>Log in</body></html>", 200),
        (b"\x00\xff junk", 200),
        (b"", 200),
        (rss("k9")[:-5], 200),
        (rss("k9") + b" " * FEED_BYTES, 200),
        (rss("k9"), 404),
        (rss("k9"), 500),
        (rss("k9"), 206),
    ],
)
async def test_a_bad_feed_costs_a_warning_and_changes_nothing(body, status, autojump_clock, caplog):
    async with open_house() as house:
        house.feed("klipper", "k1")
        house.feed("moonraker", "m1")
        await house.call("update")
        house.told()
        house.http.put(KLIPPER, body, status, etag='"bad"')
        house.feed("moonraker", "m1", "m2")
        assert (await house.call("update"))["modified"] is True
        assert await house.ids() == ["m2", "m1", "k1"]
        assert [r.levelname for r in caplog.records] == ["WARNING"]
        assert "klipper" in caplog.text
        # Its ETag is not remembered: a good document is read whole.
        house.feed("klipper", "k2")
        await house.call("update", subscriptions=["klipper"])
        assert dict(house.http.asked[-1][1]) == {}
        assert "k2" in await house.ids()


async def test_a_feed_at_its_size_limit(autojump_clock):
    async with open_house() as house:
        feed = rss("k1")
        house.http.put(KLIPPER, feed + b" " * (FEED_BYTES - len(feed)))
        await house.call("update", subscriptions=["klipper"])
        assert await house.ids() == ["k1"]


async def test_a_feed_that_never_ends_is_left_and_delays_no_other(autojump_clock, caplog):
    async with open_house() as house:
        house.http.answers[KLIPPER] = None
        house.feed("moonraker", "m1")
        began = trio.current_time()
        assert (await house.call("update"))["modified"] is True
        assert trio.current_time() - began == pytest.approx(FETCH_S)
        assert await house.ids() == ["m1"]
        assert "no answer" in caplog.text


async def test_a_thousand_requests_are_two_polls(autojump_clock):
    async with open_house() as house:
        house.http.answers[KLIPPER] = None
        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(_update, house)
        assert house.asked().count("klipper") <= 2


async def _update(house: House) -> None:
    await house.call("update", subscriptions=["klipper"])


async def test_a_client_that_leaves_does_not_end_the_poll_of_others(autojump_clock):
    async with open_house() as house:
        house.feed("klipper", "k1")
        assert await house.ids() == []
        with trio.CancelScope() as scope:
            scope.cancel()
            await house.call("update")
        await trio.testing.wait_all_tasks_blocked()
        assert await house.ids() == ["k1"]


async def test_a_feed_removed_while_it_is_read_leaves_nothing(autojump_clock):
    async with open_house() as house:
        url = URL.format(feed="mine")
        house.http.answers[url] = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: house.call("post_feed", name="mine"))
            await trio.testing.wait_all_tasks_blocked()
            await house.call("delete_feed", name="mine")
        assert await house.ids() == []


async def test_without_moonlight_the_network_is_left_alone(autojump_clock):
    async with open_house(enable_moonlight=False) as house:
        house.feed("klipper", "k1")
        await trio.sleep(3 * POLL_S)
        assert (await house.call("update"))["modified"] is False
        assert house.asked() == []


async def test_ending_in_the_middle_of_a_poll(autojump_clock):
    async with open_house() as house:
        house.http.answers[KLIPPER] = None
        with trio.move_on_after(1):
            await house.call("update")
    assert house.asked() == BOTH


async def test_developers_feeds_come_from_a_folder(tmp_path, caplog):
    (tmp_path / "klipper.xml").write_bytes(rss("k1"))
    (tmp_path / "big.xml").write_bytes(rss("b1") + b" " * FEED_BYTES)
    (tmp_path / "folder.xml").mkdir()
    subscriptions = ("big", "folder")
    async with open_house(folder=tmp_path, dev_mode=True, subscriptions=subscriptions) as house:
        with trio.fail_after(20):
            assert (await house.call("update"))["modified"] is True
            assert await house.ids() == ["k1"]
            (tmp_path / "klipper.xml").unlink()
            assert (await house.call("update"))["modified"] is False
            assert await house.ids() == ["k1"]
    assert house.asked() == []
    assert len(caplog.records) == 4
