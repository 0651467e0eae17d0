import pytest

from mrk.announcements.subscriptions import MOST_FEEDS, FeedSubscriptions, PollBackoff, feed_name
from mrk.errors import ClientError


def test_the_usual_ones_come_first():
    feeds = FeedSubscriptions(["mainsail", "klipper"], ["MyFeed", "mainsail", "myfeed"])
    assert feeds.feeds == ["moonraker", "klipper", "mainsail", "myfeed"]
    assert feeds.added == ["myfeed"]


@pytest.mark.parametrize("stored", [None, "text", 5, {"a": 1}, [5, None, "../x", ""]])
def test_stored_junk_is_ignored(stored):
    assert FeedSubscriptions([], stored).feeds == ["moonraker", "klipper"]


def test_adding_and_removing():
    feeds = FeedSubscriptions(["mainsail"], [])
    assert feeds.add("mine")
    assert not feeds.add("mine")
    assert not feeds.add("klipper")
    for name in ("klipper", "mainsail", "unknown"):
        with pytest.raises(ClientError):
            feeds.remove(name)
    feeds.remove("mine")
    assert feeds.feeds == ["moonraker", "klipper", "mainsail"]


def test_how_many_there_may_be():
    feeds = FeedSubscriptions([], [])
    for number in range(MOST_FEEDS - 2):
        feeds.add(f"f{number}")
    with pytest.raises(ClientError):
        feeds.add("over")
    assert len(feeds.feeds) == MOST_FEEDS


@pytest.mark.parametrize("name", ["a", "A_b.c-1", "_x", "a" * 64])
def test_good_names(name):
    assert feed_name(name) == name.lower()


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "a\\b", "-x", "a b", "ä", "a" * 65, "a\0"]
)
def test_bad_names(name):
    with pytest.raises(ClientError):
        feed_name(name)


def test_a_feed_that_fails_is_asked_ever_more_rarely():
    patience = PollBackoff()
    asked = []
    for beat in range(40):
        if patience.due("f"):
            asked.append(beat)
            patience.failed("f")
    assert asked == [0, 2, 6, 14, 22, 30, 38]
    patience.worked("f")
    assert all(patience.due("f") for _ in range(5))
