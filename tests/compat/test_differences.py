"""The table of differences on purpose: the README has it, and the check obeys it."""

from tests.compat.comparison import compare
from tests.compat.differences import README, TABLE, Row, read_table, unexplained, with_list
from tests.compat.twin import Heard

ROWS = read_table(TABLE.read_text())


def test_the_readme_has_the_table() -> None:
    """`python -m tests.compat --readme` writes it; a new point belongs into the table."""
    page = README.read_text()
    assert with_list(page, ROWS) == page
    assert len(ROWS) > 40


def test_a_row_is_a_point_of_the_list() -> None:
    page = "# x\n\n## Compatibility\n\nExcept:\n\n- old\n- older\n\n## Not yet\n\nend\n"
    rows = [Row("one\nand more"), Row("two")]
    expected = (
        "# x\n\n## Compatibility\n\nExcept:\n\n- one\n  and more\n- two\n\n## Not yet\n\nend\n"
    )
    assert with_list(page, rows) == expected


def test_what_is_not_in_the_table_fails() -> None:
    rows = [Row("more", ("GET /a result.*: * here, nothing there",)), Row("less", ("b: gone",))]
    found = ["GET /a result.x[].y: string here, nothing there", "GET /a result.z: 1 here, 2 there"]
    assert unexplained(found, rows) == (["GET /a result.z: 1 here, 2 there"], ["b: gone"])


def differences(ours: object, theirs: object, name: str = "GET /a") -> list[str]:
    return list(compare({name: [Heard("200", ours)]}, {name: [Heard("200", theirs)]}))


def test_shapes() -> None:
    assert differences({"a": 1, "b": [{"c": None}]}, {"a": 2.5, "b": [{"c": None}] * 3}) == []
    assert differences({"a": 1}, {"a": "1"}) == ["GET /a a: number here, string there"]
    assert differences({"a": True}, {"a": 1}) == ["GET /a a: boolean here, number there"]
    # What is below something that is not there is not told again.
    assert differences({"a": {"b": {"c": 1}}}, {}) == ["GET /a a: object here, nothing there"]
    assert differences([], [1]) == ["GET /a []: nothing here, number there"]


def test_words_of_the_api_have_to_be_equal() -> None:
    told = ["GET /a state: 'paused' here, 'printing' there"]
    assert differences({"state": "paused"}, {"state": "printing"}) == told
    assert differences({"state": "paused"}, {"state": "printing"}, "notify_a") == []


def test_statuses() -> None:
    ours = {"a": [Heard("200", {}), Heard("404", {})], "b": [Heard("told", [])]}
    theirs = {"a": [Heard("200", {"x": 1})]}
    assert list(compare(ours, theirs)) == [
        "a: 200 and 404 here, 200 there",
        "b: told here, nothing there",
    ]
