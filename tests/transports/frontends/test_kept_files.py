"""Open files are bounded, closed once, and everybody has a descriptor of his own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mrk.http.file_answer import FileFacts, PartialContent
from mrk.http.response import Response
from transports.frontends.kept_files import MOST_KEPT, MOST_KEY_CHARS, HashedFile, KeptFiles


@pytest.fixture
def file(tmp_path: Path) -> Iterator[HashedFile]:
    path = tmp_path / "a"
    path.write_bytes(b"1")
    descriptor = os.open(path, os.O_RDONLY)
    whole = PartialContent(Response(200), 0, 1)
    yield HashedFile(descriptor, FileFacts("a", 1, 1, 1), ("a",), "", whole)
    os.close(descriptor)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_take_and_close(file: HashedFile) -> None:
    before = descriptors()
    kept = KeptFiles()
    assert kept.take(("a", "")) is None
    kept.hand_over(("a", ""), file)
    kept.hand_over(("a", ""), file)
    taken = kept.take(("a", ""))
    assert taken is not None
    assert taken.descriptor != file.descriptor
    assert kept.take(("a", "gzip")) is None
    os.close(taken.descriptor)
    assert descriptors() == before + 1
    kept.close()
    assert descriptors() == before


def test_it_is_bounded(file: HashedFile) -> None:
    before = descriptors()
    kept = KeptFiles()
    for number in range(3 * MOST_KEPT):
        kept.hand_over((f"a{number}", ""), file)
        if number % 10 == 0:
            kept.take(("nothing", ""))
    kept.take(("nothing", ""))
    assert descriptors() == before + MOST_KEPT
    kept.hand_over(("x" * MOST_KEY_CHARS, "y"), file)
    assert kept.take(("x" * MOST_KEY_CHARS, "y")) is None
    for number in range(3 * MOST_KEPT):  # nobody receives them meanwhile
        kept.hand_over((f"b{number}", ""), file)
    assert descriptors() <= before + 2 * MOST_KEPT
    kept.forget()
    assert kept.take(("b1", "")) is None
    assert descriptors() == before
    kept.close()
