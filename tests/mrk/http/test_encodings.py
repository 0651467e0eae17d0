"""Accept-Encoding, as browsers and others write it."""

import pytest

from mrk.http.encodings import accepted

BR, GZIP = ("br", ".br"), ("gzip", ".gz")


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([], ()),
        ([""], ()),
        (["gzip, deflate, br, zstd"], (BR, GZIP)),
        (["gzip, deflate"], (GZIP,)),
        (["gzip", "br"], (BR, GZIP)),
        (["x-gzip"], (GZIP,)),
        (["GZIP;Q=0.5, BR;q=0.4"], (GZIP, BR)),
        (["br;q=0, gzip"], (GZIP,)),
        (["*"], (BR, GZIP)),
        (["*;q=0, gzip"], (GZIP,)),
        (["br;q=0, *"], (GZIP,)),
        (["identity"], ()),
        (["gzip;q=2"], ()),
        (["gzip;q=nan"], ()),
        (["gzip;level=9"], ()),
        (["gzip," * 200], ()),
    ],
)
def test_accepted(values: list[str], wanted: tuple[tuple[str, str], ...]) -> None:
    assert accepted(values) == wanted
