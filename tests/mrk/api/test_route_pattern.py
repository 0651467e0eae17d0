import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.api.route_pattern import RoutePattern

FILES = RoutePattern("/server/files/{root}/{filename...}")


@pytest.mark.parametrize(
    ("path", "captured"),
    [
        ("/server/files/gcodes/a.gcode", {"root": "gcodes", "filename": "a.gcode"}),
        ("/server/files/gcodes/a/b/c d", {"root": "gcodes", "filename": "a/b/c d"}),
        ("/server/files/gcodes/a/", {"root": "gcodes", "filename": "a/"}),
        ("/server/files/gcodes//a", {"root": "gcodes", "filename": "/a"}),
        ("/server/files/gcodes/", None),
        ("/server/files/gcodes", None),
        ("/server/files//a", None),
        ("/server/other/gcodes/a", None),
        ("server/files/gcodes/a", None),
        ("", None),
    ],
)
def test_a_segment_and_all_that_is_left(path, captured):
    assert FILES.match(path) == captured


def test_a_capture_in_the_middle():
    pattern = RoutePattern("/power/{device}/state")
    assert pattern.match("/power/lamp/state") == {"device": "lamp"}
    assert pattern.match("/power/lamp/state/x") is None
    assert pattern.match("/power/a/b/state") is None


@pytest.mark.parametrize("path", ["/{}", "/{...}", "/{a}/{a}", "/{a...}/b", "/x{a}", "/{a"])
def test_patterns_that_make_no_sense(path):
    with pytest.raises(ValueError, match="captur"):
        RoutePattern(path)


@given(st.text("ab/{}.", max_size=12), st.text("ab/{}.", min_size=1, max_size=12))
def test_a_match_puts_together_again(root, filename):
    captured = FILES.match(f"/server/files/{root}/{filename}")
    if captured is not None:
        assert f"{captured['root']}/{captured['filename']}" == f"{root}/{filename}"
        assert "/" not in captured["root"]
