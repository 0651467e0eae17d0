from mrk.errors import leaves


def test_leaves_open_groups_within_groups() -> None:
    one, two, three = ValueError("1"), KeyError("2"), OSError("3")
    group = ExceptionGroup("a", [one, ExceptionGroup("b", [two, three])])
    assert leaves(group) == [one, two, three]
    assert leaves(one) == [one]
