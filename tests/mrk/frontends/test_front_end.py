"""Which front end a path is for, by prefix and port; the API's names are nobody's."""

import pytest

from mrk.frontends.front_end import FrontEnd, FrontEnds, is_deep_link, is_unpublished


def found(path: str, port: int = 7125, *front_ends: FrontEnd) -> str | None:
    one = FrontEnds(front_ends).find(path, port)
    return None if one is None else one.name


MAINSAIL = FrontEnd(name="mainsail", folder="/m")
FLUIDD = FrontEnd(name="fluidd", folder="/f", prefix="/fluidd")
OWN_PORT = FrontEnd(name="own", folder="/o", port=80, ssl_port=443)
BOTH = (OWN_PORT, MAINSAIL, FLUIDD)


@pytest.mark.parametrize(
    ("path", "port", "name"),
    [
        ("/", 7125, "mainsail"),
        ("/config", 7125, "mainsail"),
        ("/fluidd", 7125, "fluidd"),
        ("/fluidd/x", 7125, "fluidd"),
        ("/fluidder", 7125, "mainsail"),
        ("/", 80, "own"),
        ("/", 443, "own"),
        ("/fluidd/", 80, "fluidd"),
        ("/", 0, "mainsail"),
        ("", 7125, "mainsail"),
    ],
)
def test_prefix_and_port(path: str, port: int, name: str) -> None:
    assert found(path, port, *BOTH) == name


def test_of_two_with_ports_the_first_one_has_the_servers_port() -> None:
    other = FrontEnd(name="other", folder="/x", port=81)
    assert found("/", 7125, OWN_PORT, other) == "own"
    assert found("/", 81, OWN_PORT, other) == "other"


def test_without_the_root_there_is_nothing_at_the_root() -> None:
    assert found("/", 7125, FLUIDD) is None
    assert found("/fluidd", 7125, FLUIDD) == "fluidd"


@pytest.mark.parametrize(
    "path",
    ["/server/nothing", "//server/nothing", "/./server/x", "/printer", "/api/x", "/websocket",
     "/webcam/", "/webcam17/?action=stream", "/metrics", "/machine/x", "/access/", "/debug/x"],
)  # fmt: skip
def test_names_of_the_api(path: str) -> None:
    assert found(path, 7125, *BOTH) is None


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        ("", False),
        ("a/b.c", False),
        (".env", True),
        ("a/.htpasswd", True),
        (".config/a", True),
        (".well-known/acme-challenge/x", False),
        (".well-known/.x", False),
        (".version", False),
        (".versions", True),
        ("a/.well-known/x", True),
        (".well-known2/x", True),
    ],
)
def test_names_that_nobody_published(path: str, hidden: bool) -> None:
    assert is_unpublished([part for part in path.split("/") if part]) is hidden


@pytest.mark.parametrize(
    ("path", "is_link"),
    [("", True), ("config", True), ("a.b/c", True), ("x.js", False), ("a/x.js", False)],
)
def test_deep_links(path: str, is_link: bool) -> None:
    assert is_deep_link([part for part in path.split("/") if part]) is is_link
