"""Moonraker's encodings and records."""

import contextlib
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.database import moonraker
from mrk.database.moonraker import Found, decode_record

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def encode(value: Any) -> bytes:
    """As the sample was written."""
    match value:
        case bool():
            return b"?" + struct.pack("=?", value)
        case int():
            return b"q" + struct.pack("=q", value)
        case float():
            return b"d" + struct.pack("=d", value)
        case str():
            return b"s" + value.encode()
    return msgspec.json.encode(value)


@given(st.dictionaries(st.text(), json_values, max_size=3) | st.lists(json_values, max_size=3))
def test_objects_and_arrays_are_json(value: Any) -> None:
    assert decode_record(encode(value)) == value


@given(
    st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.booleans()
    | st.text(st.characters(codec="utf-8"))
)
def test_scalars_have_a_first_byte(value: Any) -> None:
    decoded = decode_record(encode(value))
    assert decoded == value
    assert type(decoded) is type(value)


@given(st.binary())
def test_any_bytes_give_a_value_or_a_value_error(raw: bytes) -> None:
    with contextlib.suppress(ValueError):
        decode_record(raw)


def test_a_job_that_never_ended_was_interrupted() -> None:
    job = moonraker.job({"status": "in_progress", "start_time": 5, "metadata": None}, 3)
    assert (job["status"], job["start_time"], job["end_time"]) == ("interrupted", 5.0, None)
    assert (job["user"], job["metadata"], job["auxiliary_data"]) == ("No User", {}, [])


def test_a_number_that_no_float_can_hold_is_none() -> None:
    job = moonraker.job({"start_time": 10**400, "end_time": -(10**400)}, 3)
    assert (job["start_time"], job["end_time"]) == (0.0, None)


def test_tables_of_the_lmdb_days_are_found_among_the_namespaces() -> None:
    found = Found(
        namespaces={
            "authorized_users": {
                "_API_KEY_USER_": {"username": "_API_KEY_USER_", "api_key": "k", "created_on": 1},
                "a": {"username": "a", "password": "ldap", "created_on": 2},
                "b": {"username": "b"},
            },
            "history": {"00000A": {"filename": "x"}, "000002": {"filename": "y"}, "z": 3},
            "moonraker": {
                "history": {
                    "job_totals": {"total_jobs": 2, "longest_job": 1.5},
                    "aux_totals": [
                        {"provider": "sensor p", "field": "energy", "maximum": None, "total": 3},
                        {"provider": "sensor p"},
                        {"field": "energy"},
                        "junk",
                    ],
                }
            },
        }
    )
    moonraker.take_tables(found)
    assert found.namespaces == {}
    assert [(u["username"], u["password"], u["source"]) for u in found.users] == [
        ("_API_KEY_USER_", "k", "moonraker"),
        ("a", "ldap", "ldap"),
    ]
    assert [(job["job_id"], job["filename"]) for job in found.jobs] == [(2, "y"), (10, "x")]
    assert found.totals == {
        ("history", "total_jobs"): (None, 2.0),
        ("history", "longest_job"): (1.5, None),
        ("sensor p", "energy"): (None, 3.0),
    }
    assert len(found.problems) == 2


@pytest.mark.parametrize(
    ("stored", "taken", "before", "after"),
    [
        ((None, None), (None, 4.0), (None, None), (None, 4.0)),
        ((None, 10.0), (None, 4.0), (None, None), (None, 14.0)),
        ((None, 14.0), (None, 5.0), (None, 4.0), (None, 15.0)),
        ((3.0, None), (2.0, None), (2.0, None), (3.0, None)),
        ((None, None), (2.0, 1.0), (None, None), (2.0, 1.0)),
    ],
)
def test_totals_add_up_and_never_twice(stored: Any, taken: Any, before: Any, after: Any) -> None:
    assert moonraker.added_total(stored, taken, before) == after


def test_a_job_of_which_little_is_known() -> None:
    assert moonraker.job({}, 7) == {
        "job_id": 7,
        "user": "No User",
        "filename": "unknown",
        "status": "error",
        "start_time": 0.0,
        "end_time": None,
        "print_duration": 0.0,
        "total_duration": 0.0,
        "filament_used": 0.0,
        "metadata": {},
        "auxiliary_data": [],
    }


def test_users() -> None:
    little = {"username": "ann", "password": "hash"}
    assert moonraker.user(little) == {
        **little,
        "salt": "",
        "source": "moonraker",
        "created_on": 0.0,
        "jwt_secret": None,
        "jwk_id": None,
        "groups": ["admin"],
    }
    told = moonraker.user({**little, "source": "ldap", "groups": ["x"], "created_on": 5})
    assert (told["source"], told["groups"], told["created_on"]) == ("ldap", ["x"], 5.0)
    assert moonraker.user({"username": "ann", "password": "ldap"})["source"] == "ldap"
    key = moonraker.user({"username": "_API_KEY_USER_", "api_key": "k", "password": "x"})
    assert key["password"] == "k"
    for broken in ({}, {"username": "", "password": "x"}, {"username": 1, "password": "x"}):
        with pytest.raises(ValueError, match="without name or password"):
            moonraker.user(broken)
