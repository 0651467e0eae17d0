"""The section as the file writes it: defaults, mistakes, and that the pages name every option."""

from pathlib import Path

import pytest

from config.load import load
from config.paths import Paths
from mrk.timelapse.settings import DEFAULTS, NAMES
from nurseries.timelapse.component import read

DOCS = Path(__file__).parents[3] / "docs"


def add_on_of(file):
    configuration = load(Paths.resolve(environ={}, data_path="/data", config_file=file))
    (add_on,) = [one for one in configuration.settings.add_ons if one.component == "timelapse"]
    return add_on


def read_text(tmp_path, text):
    file = tmp_path / "moonraker.conf"
    file.write_text(f"[server]\n[timelapse]\n{text}")
    return add_on_of(file).read(read)


def test_an_empty_section_has_the_defaults(tmp_path):
    settings, mistakes, notices = read_text(tmp_path, "")
    assert (mistakes, notices) == ([], [])
    assert settings.written == {}
    assert settings.frame_path is None
    assert settings.budget_bytes == 1 << 30


def test_what_is_written_is_known_as_such(tmp_path):
    text = "parkhead: True\npark_time: 0.5\nsnapshoturl: /cam\nwget_skip_cert_check: yes\n"
    settings, mistakes, _ = read_text(tmp_path, text)
    assert mistakes == []
    assert settings.written == {"parkhead": True, "park_time": 0.5, "snapshoturl": "/cam"}
    assert settings.any_certificate


@pytest.mark.parametrize(
    "text",
    [
        "output_framerate: fast",
        "output_framerate: 0",
        "park_time: -1",
        "park_time: nan",
        "mode: sometimes",
        "parkpos: moon",
        "enabled: perhaps",
        "pixelformat: a b",
        "extraoutputparams: -metadata 'x",
        "frame_budget: lots",
        "frame_budget:",
    ],
)
def test_a_mistake_names_its_option(tmp_path, text):
    _, mistakes, _ = read_text(tmp_path, text)
    assert [mistake.option for mistake in mistakes] == [text.partition(":")[0]]


def test_paths_that_are_left_empty(tmp_path):
    settings, mistakes, notices = read_text(tmp_path, "output_path:\nffmpeg_binary_path:\n")
    assert (mistakes, notices) == ([], [])
    assert settings.output_path == Path("~/timelapse").expanduser()
    assert settings.ffmpeg_path == Path("/usr/bin/ffmpeg")


@pytest.mark.parametrize("name", ["moonraker.conf", "mrk.toml"])
def test_the_examples_hold_every_option_with_its_default(name):
    add_on = add_on_of(DOCS / "examples" / name)
    settings, mistakes, notices = add_on.read(read)
    assert (mistakes, notices) == ([], [])
    assert settings.written == {one: getattr(DEFAULTS, one) for one in NAMES}
    assert settings.output_path == Path("~/timelapse").expanduser()


def test_the_page_names_every_option(tmp_path):
    page = (DOCS / "timelapse.md").read_text()
    file = tmp_path / "moonraker.conf"
    file.write_text("[server]\n[timelapse]\n")
    add_on = add_on_of(file)
    add_on.read(read)
    for option in add_on.reader.values["timelapse"]:
        assert f"`{option}`" in page
