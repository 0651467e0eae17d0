import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.klippy.etx import EtxDecoder, FrameTooLong, etx_frame

payloads = st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\x03", b"")), max_size=8)


@given(payloads, st.lists(st.integers(0, 400), max_size=20))
def test_any_cut_gives_the_same_frames(parts: list[bytes], cuts: list[int]) -> None:
    wire = b"".join(map(etx_frame, parts))
    edges = sorted({0, len(wire), *(c for c in cuts if c < len(wire))})
    decoder = EtxDecoder(1000)
    seen = [f for a, b in itertools.pairwise(edges) for f in decoder.feed(wire[a:b])]
    assert seen == [p for p in parts if p]
    assert decoder.pending_bytes == 0


def test_byte_by_byte() -> None:
    decoder = EtxDecoder(10)
    assert [f for b in b"ab\x03c\x03d" for f in decoder.feed(bytes([b]))] == [b"ab", b"c"]
    assert decoder.pending_bytes == 1


def test_the_limit_itself_passes_and_one_more_fails() -> None:
    assert EtxDecoder(4).feed(b"1234\x03") == [b"1234"]
    with pytest.raises(FrameTooLong):
        EtxDecoder(4).feed(b"12345\x03")
    decoder = EtxDecoder(4)
    assert decoder.feed(b"1234") == []
    with pytest.raises(FrameTooLong):
        decoder.feed(b"5")
