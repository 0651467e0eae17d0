import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.announcements.feed_parser import (
    MOST_DEPTH,
    MOST_ITEMS,
    MOST_TEXT_CHARS,
    FeedError,
    FeedItem,
    FeedParser,
)

ITEM = """<item><title>Test &lt;3&gt;</title><link>https://example.org/3</link>
<description> Some [text](https://example.org). </description>
<pubDate>Wed, 16 Mar 2022 19:33:39 GMT</pubDate><category>high</category>
<guid>example/host/issue/3</guid></item>"""


def rss(*items, title="example/host"):
    text = "".join(items)
    return f"""<?xml version='1.0' encoding='utf-8'?>
<rss version="2.0" xmlns:moonlight="https://example.org/moonlight"><channel>
<title>{title}</title><link>https://example.org</link><description>Announcements</description>
<moonlight:configHash>f29121</moonlight:configHash>{text}</channel></rss>""".encode()


def parsed(*slices):
    parser = FeedParser()
    for data in slices:
        parser.feed(data)
    return parser.close()


def test_an_item():
    assert parsed(rss(ITEM)) == [
        FeedItem(
            "example/host/issue/3",
            "https://example.org/3",
            "Test <3>",
            "Some [text](https://example.org).",
            "high",
            "Wed, 16 Mar 2022 19:33:39 GMT",
        )
    ]


@given(st.lists(st.integers(0, len(rss(ITEM, ITEM))), max_size=5))
def test_cut_anywhere(cuts):
    data = rss(ITEM, "<item><guid>b</guid></item>")
    cuts = [0, *sorted(cuts), len(data)]
    slices = [data[a:b] for a, b in itertools.pairwise(cuts)]
    assert parsed(*slices) == parsed(data)


def test_items_without_a_guid_are_left_out_and_absent_texts_are_none():
    feed = rss("<item><title>a</title></item>", "<item><guid> </guid></item>")
    assert parsed(feed) == []
    assert parsed(rss("<item><guid>a</guid><title/></item>")) == [FeedItem("a")]


def test_only_children_of_items_count():
    feed = rss("<item><x><guid>inner</guid></x><guid>a<b>not this</b></guid></item><guid>b</guid>")
    assert parsed(feed) == [FeedItem("a")]


def test_a_feed_without_items():
    assert parsed(rss()) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_encodings(encoding):
    text = f"<?xml version='1.0' encoding='{encoding}'?><rss><channel><item><guid>ü</guid></item>"
    assert parsed((text + "</channel></rss>").encode(encoding)) == [FeedItem("ü")]


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;">]><rss><channel><item><guid>&c;</guid></item></channel></rss>"""
OUTSIDE = b"""<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<rss><channel><item><guid>&x;</guid></item></channel></rss>"""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"junk",
        b"\x00" * 1000,
        b"<!DOCTYPE html><html><body><p>Not Found</body></html>",
        b"<html><body/></html>",
        b'{"feed": []}',
        b"<rss>",
        rss(ITEM)[:-10],
        LAUGHS,
        OUTSIDE,
        b"<!DOCTYPE rss SYSTEM 'http://127.0.0.1/x.dtd'><rss/>",
        b"<?xml version='1.0' encoding='no-such'?><rss/>",
        b"<?xml version='1.0' encoding='shift_jis'?><rss/>",
        b"<a>" * 40_000,
        b"<rss>" * (MOST_DEPTH + 1),
        rss("<item><guid>&nbsp;</guid></item>"),
    ],
)
def test_what_is_no_feed(data):
    with pytest.raises(FeedError):
        parsed(data)


def test_bounds_of_items_and_texts():
    many = [f"<item><guid>{number}</guid></item>" for number in range(MOST_ITEMS + 1)]
    assert [item.guid for item in parsed(rss(*many))] == [str(n) for n in range(MOST_ITEMS)]
    long = "x" * (MOST_TEXT_CHARS + 1)
    (item,) = parsed(rss(f"<item><guid>a</guid><title>{long}</title></item>"))
    assert item.title == "x" * MOST_TEXT_CHARS


def test_depth_at_its_limit():
    inner = MOST_DEPTH - 3
    assert parsed(rss("<item><guid>a</guid>" + "<x>" * inner + "</x>" * inner + "</item>"))
    with pytest.raises(FeedError, match="deep"):
        parsed(rss("<item><guid>a</guid>" + "<x>" * (inner + 1) + "</x>" * (inner + 1) + "</item>"))


@given(st.binary(max_size=300) | st.text(alphabet="<>/!rsitemgud& ;a", max_size=200))
def test_any_bytes_are_a_feed_or_refused(data):
    data = data if isinstance(data, bytes) else data.encode()
    with contextlib.suppress(FeedError):
        parsed(data)
