import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.errors import ClientError
from mrk.webcams.changes import WebcamParams, changed, created
from mrk.webcams.webcam import Webcam, configured_uid, from_record, to_record

BED = Webcam(name="Bed", stream_url="/cam/?action=stream", uid="u")
# As Moonraker wrote it; made for testing.
OLD = json.loads(
    '{"name":"old cam","service":"mjpegstreamer","targetFps":15,'
    '"urlStream":"/webcam?action=stream","urlSnapshot":"","flipX":false,"flipY":true,'
    '"enabled":true,"targetFpsIdle":5,"aspectRatio":"4:3","icon":"mdiWebcam",'
    '"location":"printer","rotation":90,"extra_data":{"a":1}}'
)


def test_uids_of_configured_webcams_are_those_of_moonraker() -> None:
    # uuid.uuid5 of the id as name space and "moonraker.webcam.<name>".
    seed = "0123456789abcdef0123456789abcdef"
    assert configured_uid(seed, "Bed") == "b5ad2403-a631-5f6a-9add-a5351bd28812"
    assert configured_uid(seed, "Nozzle") != configured_uid(seed, "Bed")


def test_a_record_of_moonraker_is_read_and_written_back_unchanged() -> None:
    webcam, wrong = from_record("u", OLD)
    assert wrong == []
    assert (webcam.flip_vertical, webcam.rotation, webcam.target_fps_idle) == (True, 90, 5)
    assert (webcam.source, webcam.uid, webcam.extra_data) == ("database", "u", {"a": 1})
    assert to_record(webcam) == OLD


def test_absent_and_null_fields_get_defaults() -> None:
    record = {"name": "Bed", "urlStream": "/cam/?action=stream", "icon": None, "unknown": 5}
    assert from_record("u", record) == (BED, [])


def test_the_old_name_of_rotation() -> None:
    record = {**to_record(BED), "rotate": 180}
    assert from_record("u", record)[0].rotation == 0
    del record["rotation"]
    assert from_record("u", record)[0].rotation == 180


@pytest.mark.parametrize(
    "record",
    [
        None,
        [],
        "text",
        {},
        {"name": "x"},
        {"urlStream": "x"},
        {**OLD, "name": ""},
        {**OLD, "urlStream": None},
    ],
)
def test_records_that_are_none(record: Any) -> None:
    with pytest.raises(ClientError):
        from_record("u", record)


@pytest.mark.parametrize(
    ("kept", "value", "field"),
    [
        ("rotation", 45, "rotation"),
        ("aspectRatio", "16/9", "aspect_ratio"),
        ("extra_data", [], "extra_data"),
        ("targetFps", "many", "target_fps"),
        ("targetFpsIdle", -1, "target_fps_idle"),
        ("enabled", "perhaps", "enabled"),
    ],
)
def test_a_value_that_makes_no_sense_costs_itself_and_not_the_webcam(
    kept: str, value: Any, field: str
) -> None:
    """Moonraker checks rotation and aspect ratio of new webcams only, and shows the others."""
    webcam, wrong = from_record("u", {**OLD, kept: value})
    assert len(wrong) == 1
    without, _ = from_record("u", {**OLD, kept: None})
    assert webcam == without
    assert getattr(webcam, field) == getattr(BED, field)


def test_a_stored_webcam_of_snapshots_alone_is_shown_and_can_be_changed() -> None:
    webcam, wrong = from_record("u", {**OLD, "urlStream": "", "urlSnapshot": "/snap"})
    assert (webcam.stream_url, webcam.snapshot_url, wrong) == ("", "/snap", [])
    assert changed(webcam, WebcamParams(enabled=False)).enabled is False


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
)


@given(json_values | st.dictionaries(st.sampled_from([*OLD, "rotate"]), json_values))
def test_any_record_is_a_webcam_or_refused(record: Any) -> None:
    try:
        webcam, _wrong = from_record("u", record)
    except ClientError:
        return
    assert from_record("u", to_record(webcam)) == (webcam, [])


def test_a_new_one_has_defaults() -> None:
    params = WebcamParams(name="Bed", stream_url="/cam/?action=stream")
    assert created(params, "u") == BED
    assert list(msgspec.structs.asdict(BED))[-2:] == ["source", "uid"]


@pytest.mark.parametrize(
    "said",
    [
        {"name": None},
        {"name": ""},
        {"stream_url": None},
        {"stream_url": ""},
        {"rotation": 1},
        {"rotation": -90},
        {"rotation": 360},
        {"aspect_ratio": "16/9"},
        {"aspect_ratio": "16:9x"},
        {"aspect_ratio": ":9"},
        {"target_fps": -1},
        {"target_fps_idle": 1_000_001},
    ],
)
def test_what_no_front_end_can_show_is_refused(said: dict[str, Any]) -> None:
    params = WebcamParams(**{"name": "Bed", "stream_url": "/x", **said})
    with pytest.raises(ClientError):
        created(params, "u")
    if None not in said.values():
        with pytest.raises(ClientError):
            changed(BED, params)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_only_what_was_said_changes(rotation: int) -> None:
    webcam = changed(BED, WebcamParams(uid="other", rotation=rotation, enabled=False))
    assert webcam == msgspec.structs.replace(BED, rotation=rotation, enabled=False)


def test_extra_data_is_replaced_as_a_whole() -> None:
    one = changed(BED, WebcamParams(extra_data={"a": 1, "b": 2}))
    assert changed(one, WebcamParams(extra_data={"b": 3})).extra_data == {"b": 3}
    assert changed(one, WebcamParams(extra_data={})).extra_data == {}
