import pytest

from mrk.api.large_result import LARGE_BYTES, LargeResult, join_here
from mrk.klippy.etx import etx_frame
from mrk.websocket.frames import text_frame


class Joins:
    """A `Join` that remembers how much it was given."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    async def join(self, parts: list[bytes]) -> bytes:
        self.sizes.append(sum(map(len, parts)))
        return await join_here(parts)


@pytest.mark.parametrize("size", [0, 10, LARGE_BYTES - 3])
async def test_small_results_are_joined_at_once(size: int) -> None:
    joins = Joins()
    assert (
        await LargeResult([b"x" * size]).between(b"<", b">", joins.join)
        == b"<" + b"x" * size + b">"
    )
    assert joins.sizes == []


async def test_large_results_are_given_away() -> None:
    joins, half = Joins(), b"x" * (LARGE_BYTES // 2)
    whole = await LargeResult([half, half]).between(b"<", b">", joins.join)
    assert whole == b"<" + half + half + b">"
    assert joins.sizes == [LARGE_BYTES + 2]


@pytest.mark.parametrize("size", [LARGE_BYTES - 1, LARGE_BYTES, LARGE_BYTES + 1])
def test_frames_of_any_size(size: int) -> None:
    payload = b"x" * size
    assert etx_frame(payload) == payload + b"\x03"
    assert text_frame(payload) == b"\x81\x7f" + size.to_bytes(8) + payload
