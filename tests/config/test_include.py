"""Includes: which files, in which order, and what is refused."""

import os

import pytest

from config.include import read_conf


@pytest.fixture
def tree(tmp_path):
    """Writes files from keyword-free pairs and reads `main.conf`."""

    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_conf(tmp_path / "main.conf")

    return write


def option(source, section, name):
    return source.options(section)[name].value


def said(source):
    return [str(problem) for problem in source.problems]


def test_text_read_later_wins(tree):
    source = tree(
        {
            "main.conf": "[a]\nx: main\ny: main\n[include b.conf]\n[c]\nz: main\n",
            "b.conf": "[a]\nx: b\n[c]\nz: b\nw: b\n",
        }
    )
    assert source.problems == []
    assert option(source, "a", "x") == "b"
    assert option(source, "a", "y") == "main"
    assert option(source, "c", "z") == "main"
    assert option(source, "c", "w") == "b"
    assert source.options("a")["x"].file == "b.conf"


def test_files_are_listed_in_reading_order_with_their_sections(tree):
    source = tree(
        {
            "main.conf": "[a]\n[include d/*.conf]\n[b]\n",
            "d/2.conf": "[a]\n",
            "d/1.conf": "[include sub/x.conf]\n[c]\n",
            "d/sub/x.conf": "[d]\n",
        }
    )
    assert source.listing() == [
        {"filename": "main.conf", "sections": ["a", "b"]},
        {"filename": "d/1.conf", "sections": ["c"]},
        {"filename": "d/sub/x.conf", "sections": ["d"]},
        {"filename": "d/2.conf", "sections": ["a"]},
    ]


@pytest.mark.parametrize(
    ("pattern", "read"),
    [
        ("d/one.conf", ["one.conf"]),
        ("d/?ne.conf", ["one.conf"]),
        ("d/[ot]*.conf", ["one.conf", "two.conf"]),
        ("d/**/*.conf", ["deep.conf", "one.conf", "two.conf"]),
        ("../{folder}/d/two.conf", ["two.conf"]),
        ("{root}/d/*.conf", ["one.conf", "two.conf"]),
        ("{root}/d/one.conf", ["one.conf"]),
    ],
)
def test_patterns(tree, tmp_path, pattern, read):
    pattern = pattern.format(folder=tmp_path.name, root=tmp_path)
    source = tree(
        {
            "main.conf": f"[include {pattern}]\n",
            "d/one.conf": "",
            "d/two.conf": "",
            "d/e/deep.conf": "",
        }
    )
    assert source.problems == []
    assert [file.path.name for file in source.files[1:]] == read


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("none.conf", 'no file matches "none.conf"'),
        ("none/*.conf", 'no file matches "none/*.conf"'),
        ("d", 'no file matches "d"'),
        ("", "the include names no file"),
        ("/a*/b.conf", "an absolute pattern takes wildcards only in its last part, and no **"),
        ("/a/**", "an absolute pattern takes wildcards only in its last part, and no **"),
        ("main.conf", "recursion: main.conf has been read already"),
        ("*.conf", "recursion: main.conf has been read already"),
        ("/", "the pattern names no file"),
    ],
)
def test_refused_patterns(tree, pattern, reason):
    source = tree({"main.conf": f"\n[include {pattern}]\n", "d/x.txt": ""})
    assert said(source) == [f"main.conf:2: [include{' ' + pattern if pattern else ''}] {reason}"]


@pytest.mark.parametrize("pattern", ["a**b", "x\0y", "[", "**", "n" * 5000, "d/../**/*", "..", "."])
def test_odd_patterns_are_mistakes_not_crashes(tree, pattern):
    assert said(tree({"main.conf": f"[include {pattern}]\n"}))


def test_cycle_and_second_inclusion(tree):
    source = tree({"main.conf": "[include a.conf]\n", "a.conf": "[x]\n[include main.conf]\n"})
    assert said(source) == [
        "a.conf:2: [include main.conf] recursion: main.conf has been read already"
    ]
    source = tree({"main.conf": "[include a.conf]\n[include a.conf]\n", "a.conf": "[x]\n"})
    assert said(source) == ["main.conf:2: [include a.conf] recursion: a.conf has been read already"]


def test_a_link_to_a_file_already_read_is_recursion(tree, tmp_path):
    (tmp_path / "link.conf").symlink_to("main.conf")
    assert "recursion" in said(tree({"main.conf": "[include link.conf]\n"}))[0]


def test_chain_too_deep_is_refused(tree):
    files = {f"{number}.conf": f"[include {number + 1}.conf]" for number in range(1, 60)}
    source = tree({"main.conf": "[include 1.conf]", **files})
    assert said(source) == ["50.conf:1: [include 51.conf] includes are nested deeper than 50 files"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            b"\xef\xbb\xbf[server]\n",
            "main.conf:1: a byte-order mark is not allowed; save the file as UTF-8 without one",
        ),
        (b"[server]\nhost: \xff\n", "main.conf:2: this is not UTF-8 text"),
    ],
)
def test_bad_bytes(tree, data, reason):
    assert said(tree({"main.conf": data})) == [reason]


def test_missing_main_file(tmp_path):
    assert said(read_conf(tmp_path / "main.conf")) == ["main.conf: no such file"]


def test_file_size_limit(tree):
    limit = 8 * 1024 * 1024
    assert tree({"main.conf": b"#" * limit}).problems == []
    assert said(tree({"main.conf": b"#" * (limit + 1)})) == [
        "main.conf: too big for a configuration file"
    ]


def test_unreadable_things(tree, tmp_path):
    (tmp_path / "loop.conf").symlink_to("loop.conf")
    os.mkfifo(tmp_path / "pipe.conf")
    source = tree({"main.conf": "[include loop.conf]\n[include pipe.conf]\n"})
    assert len(said(source)) == 2


def test_mistakes_of_all_files_are_gathered(tree):
    source = tree({"main.conf": "x\n[include a.conf]\n[a]\ny\n", "a.conf": "[b]\nz\n"})
    assert [problem.split(":")[0] for problem in said(source)] == [
        "main.conf",
        "main.conf",
        "a.conf",
    ]


def test_default_section_shows_in_every_section(tree):
    source = tree({"main.conf": "[DEFAULT]\nx: 1\ny: 1\n[a]\ny: 2\n[b]\n"})
    assert source.orig() == {
        "DEFAULT": {"x": "1", "y": "1"},
        "a": {"x": "1", "y": "2"},
        "b": {"x": "1", "y": "1"},
    }


def test_linked_config_folder_gives_absolute_names(tmp_path):
    real = tmp_path / "real"
    real.mkdir()
    (real / "main.conf").write_text("[a]\n")
    (tmp_path / "link").symlink_to(real)
    source = read_conf(tmp_path / "link" / "main.conf")
    assert source.listing()[0]["filename"] == str(tmp_path / "link" / "main.conf")
