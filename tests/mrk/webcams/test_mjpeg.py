"""MJPEG streams of different servers, cut at any place, and their bounds."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.webcams.mjpeg import MOST_STEPS, BadMjpeg, MjpegSplitter, boundary_of

PICTURES = [b"\xff\xd8" + bytes(range(256)) * 4 + b"\xff\xd9", b"tiny", b"--not a boundary\r\n\r\n"]


def part(picture: bytes, *, length: bool, end: bytes = b"\r\n", dashes: bytes = b"--") -> bytes:
    head = dashes + b"mark" + end + b"Content-Type: image/jpeg" + end
    if length:
        head += b"content-LENGTH:  %d" % len(picture) + end + b"X-Timestamp: 1.5" + end
    return head + end + picture + end


def stream(*, length: bool, end: bytes = b"\r\n", before: bytes = b"", dashes: bytes = b"--"):
    text = before + b"".join(part(one, length=length, end=end, dashes=dashes) for one in PICTURES)
    return text + dashes + b"mark" + end


STREAMS = [
    stream(length=True),
    stream(length=False),
    stream(length=True, before=b"\r\n"),
    stream(length=False, before=b"a preamble\r\n"),
    stream(length=True, end=b"\n"),
    stream(length=False, end=b"\n"),
    stream(length=False, dashes=b"----"),
]


@pytest.mark.parametrize("data", STREAMS)
def test_whole_and_byte_by_byte(data):
    assert MjpegSplitter(b"mark", 5000).feed(data) == PICTURES
    splitter = MjpegSplitter(b"mark", 5000)
    assert [one for byte in data for one in splitter.feed(bytes([byte]))] == PICTURES


@given(st.sampled_from(STREAMS), st.lists(st.integers(0, 1300), max_size=8))
def test_cut_anywhere(data, cuts):
    splitter, found, start = MjpegSplitter(b"mark", 5000), [], 0
    for cut in [*sorted(cuts), len(data)]:
        found += splitter.feed(data[start:cut])
        start = cut
    assert found == PICTURES


PIECES = [b"--mark", b"\r\n", b"\r\n\r\n", b"\n", b"Content-Length: 5", b"abc", b"-", b"m"]


@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_no_bytes_break_it(pieces):
    splitter = MjpegSplitter(b"mark", 100)
    with contextlib.suppress(BadMjpeg):  # which is how one that is too large ends
        for piece in pieces:
            assert all(len(one) <= 100 for one in splitter.feed(piece))


def feed_forever(splitter):
    for _ in range(10):
        splitter.feed(b"x" * 1000)


@pytest.mark.parametrize("length", [True, False])
def test_a_picture_of_the_largest_size_and_one_beyond(length):
    data = part(b"x" * 100, length=length) + b"--mark\r\n"
    assert MjpegSplitter(b"mark", 100).feed(data) == [b"x" * 100]
    data = part(b"x" * 101, length=length) + b"--mark\r\n"
    with pytest.raises(BadMjpeg, match="at most 100"):
        MjpegSplitter(b"mark", 100).feed(data)


def test_what_never_ends_is_given_up():
    splitter = MjpegSplitter(b"mark", 1000)
    splitter.feed(b"--mark\r\n\r\n")
    with pytest.raises(BadMjpeg, match="more than 1000 bytes"):
        feed_forever(splitter)
    with pytest.raises(BadMjpeg, match="header is too long"):
        MjpegSplitter(b"mark", 1000).feed(b"--mark\r\n" + b"X: y\r\n" * 1000)
    splitter = MjpegSplitter(b"mark", 1000)
    with pytest.raises(BadMjpeg, match="no boundary"):
        feed_forever(splitter)
    with pytest.raises(BadMjpeg, match="no length"):
        MjpegSplitter(b"mark", 1000).feed(b"--mark\r\nContent-Length: 1234567890123\r\n\r\n")


@pytest.mark.parametrize("unit", [b"--b\n\nx\n", b"--b\r\nContent-Length: 1\r\n\r\nx\r\n"])
def test_many_tiny_pictures_in_one_piece_are_none(unit):
    steps = 1 if b"Length" in unit else 2
    # Each piece has its own count.
    splitter = MjpegSplitter(b"b", 1000)
    for _ in range(3):
        assert splitter.feed(unit * (MOST_STEPS // steps))[-1] == b"x"
    with pytest.raises(BadMjpeg, match="too small"):
        splitter.feed(unit * (MOST_STEPS // steps + 1))


def test_a_header_is_looked_for_no_further_than_it_may_reach():
    at_most = b"--b\n" + b"X" * (4096 - 4)
    assert MjpegSplitter(b"b", 1000).feed(at_most + b"\r\n\r\nx\n--b") == [b"x"]
    with pytest.raises(BadMjpeg, match="header is too long"):
        MjpegSplitter(b"b", 1000).feed(at_most + b"X\r\n\r\nx\n--b")


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/x-mixed-replace;boundary=boundarydonotcross", b"boundarydonotcross"),
        ('multipart/x-mixed-replace; boundary="a b"; x=y', b"a b"),
        ("Multipart/X-Mixed-Replace; Boundary=--frame", b"frame"),
        ("multipart/x-mixed-replace", None),
        ("multipart/x-mixed-replace; boundary=--", None),
        ("image/jpeg", None),
        ("", None),
    ],
)
def test_boundaries(content_type, boundary):
    assert boundary_of(content_type) == boundary
