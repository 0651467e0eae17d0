"""Steps of the schema: order, what is missing, what is too new."""

import re
from pathlib import Path

import pytest

from mrk.database.migrations import ALL_STEPS
from mrk.database.schema import BASE, SECRET_COLUMNS, Migration, joined, missing, too_new

QUEUE = (Migration("queue", 1, ("one",)), Migration("queue", 2, ("two",)))


def test_no_secret_is_in_a_dump() -> None:
    """Of the tables that hold some: everything but these is shown to people."""
    text = " ".join(" ".join(step.statements) for step in BASE if step.owner == "users")
    columns = set(re.findall(r"\b(\w+) (?:TEXT|REAL|INTEGER|JSON TEXT)\b", text))
    shown = {"username", "source", "created_on", "jwk_id", "groups", "role", "owner", "name"}
    assert columns - shown - {"purpose", "kind", "failures", "last_time"} == SECRET_COLUMNS


def test_each_owner_counts_its_own_versions() -> None:
    steps = joined([*QUEUE, Migration("history", 2, ("three",))])
    assert steps[: len(BASE)] == BASE
    assert missing(steps, {}) == list(steps)
    now = {"database": 1, "history": 1, "users": 2, "queue": 1}
    assert [(s.owner, s.version) for s in missing(steps, now)] == [("queue", 2), ("history", 2)]


def test_gaps_and_repeats_are_refused() -> None:
    for steps in (QUEUE[1:], (QUEUE[0], QUEUE[0]), (Migration("database", 1, ()),)):
        with pytest.raises(ValueError, match="out of order"):
            joined(steps)


def test_a_newer_file_is_noticed_and_a_forgotten_owner_is_not() -> None:
    assert too_new(joined(QUEUE), {"queue": 3, "spools": 9}) == ["queue"]
    assert too_new(joined(QUEUE), {"queue": 2}) == []


def test_the_page_names_every_table() -> None:
    page = (Path(__file__).parents[3] / "docs" / "database.md").read_text()
    made = "\n".join(text for step in ALL_STEPS for text in step.statements)
    tables = re.findall(r"CREATE TABLE (\w+)", made)
    assert len(tables) > 10
    assert [table for table in tables if f"`{table}`" not in page] == []
