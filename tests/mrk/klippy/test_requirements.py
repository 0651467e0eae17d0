import pytest

from mrk.klippy.requirements import (
    missing_requirements,
    read_names,
    read_object,
    read_status,
    virtual_sd_path,
)


def test_missing_requirements() -> None:
    assert missing_requirements(["virtual_sdcard", "pause_resume"]) == ["display_status"]


@pytest.mark.parametrize("result", [None, "ok", {}, {"objects": None}, {"objects": {"a": 1}}])
def test_answers_without_names(result: object) -> None:
    assert read_names(result, "objects") == []


def test_names_that_are_texts() -> None:
    assert read_names({"objects": ["a", None, 5, "b"]}, "objects") == ["a", "b"]


@pytest.mark.parametrize("answer", [None, "ok", {}, {"status": None}, {"status": {"mmu": 1}}])
def test_answers_without_the_object(answer: object) -> None:
    assert read_object(answer, "mmu") == {}


def test_an_object_of_an_answer() -> None:
    answer = {"eventtime": 1.0, "status": {"mmu": {"enabled": True}, "gate": None}}
    assert read_object(answer, "mmu") == {"enabled": True}
    assert read_status(answer) == answer["status"]


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"virtual_sdcard": {"path": "~/gcodes"}}, "~/gcodes"),
        ({"virtual_sdcard": {"path": None}}, None),
        ({"virtual_sdcard": None}, None),
        ({}, None),
        (None, None),
    ],
)
def test_virtual_sd_path(config: object, path: str | None) -> None:
    assert virtual_sd_path(config) == path
