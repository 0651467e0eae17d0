import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.http.chunked import ChunkedDecoder
from mrk.http.refusal import Refusal


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    st.lists(st.integers(1, 400), max_size=20),
    st.binary(max_size=20),
)
def test_any_cut_gives_the_same_body(parts: list[bytes], cuts: list[int], behind: bytes) -> None:
    wire = b"".join(b"%x;x=y\r\n%s\r\n" % (len(part), part) for part in parts)
    wire += b"0\r\nTrailer: x\r\n\r\n" + behind
    edges = sorted({0, len(wire), *(cut for cut in cuts if cut < len(wire))})
    decoder, body, rest = ChunkedDecoder(), b"", b""
    for begin, end in itertools.pairwise(edges):
        if decoder.done:
            rest += wire[begin:end]
        else:
            body += decoder.feed(wire[begin:end])
    assert decoder.done
    assert (body, decoder.rest + rest) == (b"".join(parts), behind)


@pytest.mark.parametrize(
    "wire",
    [
        b"x\r\n",
        b"-1\r\n",
        b"0x5\r\n",
        b" 5\r\n",
        b"5 \r\nhello\r\n",
        b"\r\n",
        b"5\nhello",
        b"5\r\nhello!\r\n",
        b"5\r\nhello\n",
        b"5;a\rb\r\nhello\r\n",
        b"1" * 16 + b"\r\n",
        b"5;" + b"x" * 2000,
        b"0\r\nno trailer\r\n\r\n",
        b"0\r\n" + b"a: " + b"b" * 900 + b"\r\n" + (b"a: " + b"b" * 900 + b"\r\n") * 20,
    ],
)
def test_other_shapes_are_refused(wire: bytes) -> None:
    with pytest.raises(Refusal):
        ChunkedDecoder().feed(wire)
