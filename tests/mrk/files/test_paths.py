"""No text leads out of a root: the names go through one function, and this is its proof."""

import os
import posixpath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mrk.errors import ClientError
from mrk.files.paths import (
    NAME_BYTES,
    PATH_BYTES,
    RootPath,
    check_new,
    has_metadata,
    is_gcode,
    is_hidden,
    is_utf8,
    locate,
    package_model,
    safe_parts,
    shown,
    within,
)

ROOTS = {"gcodes", "config"}
tricks = st.sampled_from(
    [
        *("..", ".", "", "/", "//", "%2e%2e", "%2f", "..%2f", "\\", "..\\", "...", ". .", "~"),
        *("\0", "\n", "\x7f", " ", "..\u200b", "\uff0e\uff0e", "\ud800", "\udcff"),
        *(".git", ".GIT", ".Git.", "gcodes", "$HOME"),
    ]
)
texts = st.lists(st.one_of(tricks, st.text(max_size=8)), max_size=12).map("/".join) | st.text()


def parts_or_refusal(text):
    """Every text is one or the other."""
    try:
        return safe_parts(text), None
    except ClientError as error:
        return (), error


@given(texts)
@example("../../etc/passwd")
@example("/etc/passwd")
@example("gcodes/../../etc")
def test_no_text_leaves_its_root(text):
    parts, refusal = parts_or_refusal(text)
    if refusal is not None:
        assert refusal.status in (400, 403)
        refusal.message.encode()  # it can be shown
    for part in parts:
        assert part not in ("", ".", "..")
        assert not set(part) & {"/", "\0"}
        assert not is_hidden(part)
    joined = posixpath.normpath("/".join(("/data/gcodes", *parts)))
    assert joined == "/data/gcodes" + "".join(f"/{part}" for part in parts)
    assert os.fsencode(joined).decode() == joined


encoded_tricks = st.sampled_from(["..", "../..", "/", ".git", "\0", "a/b"])


@given(encoded_tricks | st.text(min_size=1, max_size=20))
def test_what_is_still_encoded_is_one_plain_name(text):
    encoded = "".join(f"%{byte:02x}" for byte in text.encode())
    assert safe_parts(encoded) == (encoded,)


@given(texts)
def test_safe_parts_are_safe_again(text):
    try:
        parts = safe_parts(text)
    except ClientError:
        return
    assert safe_parts("/".join(parts)) == parts


@given(texts)
def test_located_paths_begin_with_a_root(text):
    try:
        path = locate(text, ROOTS)
    except ClientError:
        return
    assert path.root in ROOTS
    assert str(path) == "/".join((path.root, *path.parts))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a.gcode", ("a.gcode",)),
        ("/name.gcode", ("name.gcode",)),
        ("a//b/./c/", ("a", "b", "c")),
        ("ä ö/日本.gcode", ("ä ö", "日本.gcode")),
        ("%2e%2e/x", ("%2e%2e", "x")),
        ("..hidden/...", ("..hidden", "...")),
        (".thumbs/.gitignore", (".thumbs", ".gitignore")),
        ("a\\..\\b", ("a\\..\\b",)),
        ("", ()),
    ],
)
def test_names_between_slashes(text, parts):
    assert safe_parts(text) == parts
    assert within("gcodes", text) == RootPath("gcodes", parts)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("..", 400),
        ("a/..", 400),
        ("a/../a", 400),
        ("a\0b", 400),
        ("\ud800", 400),
        ("caf\udce9", 400),
        ("x" * (NAME_BYTES + 1), 400),
        ("ä" * (NAME_BYTES // 2 + 1), 400),
        ("x/" * (PATH_BYTES // 2) + "x", 400),
        (".git/config", 403),
        ("a/.GIT", 403),
        (".git. ./x", 403),
        (".mrk-upload-0123456789abcdef", 403),
        (".MRK-upload-0123456789ABCDEF/x", 403),
    ],
)
def test_what_is_refused(text, status):
    with pytest.raises(ClientError) as caught:
        safe_parts(text)
    assert caught.value.status == status


def test_limits_at_their_edge():
    assert safe_parts("x" * NAME_BYTES) == ("x" * NAME_BYTES,)
    assert len(safe_parts("x/" * (PATH_BYTES // 2))) == PATH_BYTES // 2


@pytest.mark.parametrize("text", ["", "GCODES/a", "gcode/a", "logs/a", "%67codes/a", "gcodes /a"])
def test_roots_are_named_exactly(text):
    with pytest.raises(ClientError) as caught:
        locate(text, ROOTS)
    assert caught.value.status == 400


@pytest.mark.parametrize("char", ["\n", "\r", "\t", "\x01", "\x1f", "\x7f"])
def test_new_names_hold_no_control_characters(char):
    path = within("gcodes", f"a{char}b/c")
    with pytest.raises(ClientError):
        check_new(path)
    assert check_new(within("gcodes", "a b/ä'\"$;|&<>*?\\.gcode"))


def test_relations_of_paths():
    folder = RootPath("gcodes", ("a",))
    assert RootPath("gcodes", ("a", "b")).is_below(folder)
    assert folder.is_below(folder)
    assert not RootPath("config", ("a", "b")).is_below(folder)
    assert not RootPath("gcodes", ("ab",)).is_below(folder)
    assert (folder.child("b").path, folder.parent, folder.parent.name) == (
        "a/b",
        RootPath("gcodes"),
        "",
    )


def test_gcode_names_in_any_case():
    assert all(map(is_gcode, ["a.gcode", "A.GCODE", "b.g", "c.gco", "d.ufp", "e.Nc"]))
    assert not any(map(is_gcode, ["gcode", "a.gcode.txt", "a.bgcode", "a.stl"]))
    assert all(map(has_metadata, ["a.gcode", "a.BGCODE"]))
    assert not has_metadata("a.3mf")


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("a.ufp", "a.gcode"), ("a.b.UFP", "a.b.gcode"), ("a.3mf", "a.gcode"), (".ufp", None),
        ("a.gcode.3MF", "a.gcode"), (".3mf", None), ("a.gcode", None), ("a.bgcode", None),
    ],
)  # fmt: skip
def test_what_packages_become(name: str, model: str | None) -> None:
    found = package_model(within("gcodes", f"sub/{name}"))
    assert found == (None if model is None else within("gcodes", f"sub/{model}"))
    assert package_model(within("gcodes", "a.bgcode"), binary=True) == within("gcodes", "a.gcode")
    further = package_model(within("gcodes", "a.gcode.3mf"), plate=2)
    assert further == within("gcodes", "a_plate_2.gcode")


@given(st.binary(max_size=20).map(os.fsdecode))
def test_names_from_disk_that_are_text(name):
    try:
        name.encode()
        text = True
    except UnicodeEncodeError:
        text = False
    assert is_utf8(name) is text


@given(st.text())
def test_what_is_shown_is_one_line(text):
    assert shown(text).isprintable()
    assert len(shown(text).encode()) < 2000
