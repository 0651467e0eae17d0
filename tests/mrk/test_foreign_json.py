"""JSON of others: whatever is wrong with it is one kind of error, and nobody falls over it."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from mrk import foreign_json
from mrk.estimate.estimator_config import limits_of_config
from mrk.estimate.klipper_settings import LimitsUnknown
from mrk.foreign_json import NotJson
from mrk.machine.libcamera import parse_listing
from mrk.simplyprint.messages import read_message
from mrk.spool.proxied import error_text
from mrk.updates.dependencies import HostDistribution, listed_packages
from mrk.updates.release_info import from_manifest, read_info

DEEP = b'{"name": ' + b"[" * 5000 + b"]" * 5000 + b"}"
WRONG = (b"", b"{", b"nonsense", b'{"name": "\xe9"}', b'{"name": "\xff\xfe"}', DEEP)


class Named(msgspec.Struct):
    name: str = ""


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
@pytest.mark.parametrize("kind", [Any, Named, dict[str, Any]])
def test_one_error_for_all_that_is_wrong(text: bytes, kind: Any) -> None:
    with pytest.raises(NotJson):
        foreign_json.decode(text, kind)


def test_what_is_right() -> None:
    assert foreign_json.decode(b'{"name": "a", "more": 1}', Named) == Named("a")
    assert foreign_json.decode('["\u00e9", null]') == ["\u00e9", None]
    with pytest.raises(NotJson, match=r"Expected `str`, got `int` - at `\$\.name`"):
        foreign_json.decode(b'{"name": 1}', Named)


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
@pytest.mark.parametrize(
    "read",
    [
        lambda text: read_info(text),
        lambda text: from_manifest("v1", text),
        lambda text: parse_listing(text),
        lambda text: read_message(text),
        lambda text: error_text(text, 500) and None,
    ],
    ids=["release_info", "manifest", "libcamera", "simplyprint", "spoolman"],
)
def test_readers_find_nothing(read: Callable[[bytes], object], text: bytes) -> None:
    assert not read(text)


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_readers_say_what_is_wrong(text: bytes) -> None:
    with pytest.raises(LimitsUnknown, match="is not JSON"):
        limits_of_config(text)
    with pytest.raises(ValueError, match="cannot be read"):
        listed_packages(text, HostDistribution("debian"))
