"""Ids of spools as clients and macros write them."""

import pytest

from mrk.errors import ClientError
from mrk.spool.choice import spool_choice


@pytest.mark.parametrize(
    ("value", "spool_id"), [(None, None), (0, None), ("0", None), (7, 7), ("7", 7), (7.0, 7)]
)
def test_choices(value, spool_id):
    assert spool_choice(value) == spool_id


@pytest.mark.parametrize("value", [True, "x", "", [], {}, -1, 2**63, float("inf"), float("nan")])
def test_what_is_no_id(value):
    with pytest.raises(ClientError, match="spool_id"):
        spool_choice(value)
