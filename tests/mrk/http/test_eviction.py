from dataclasses import dataclass

from mrk.http.eviction import give_way


@dataclass(frozen=True)
class Waits:
    counted_address: str
    waits_since: float
    unfinished: bool = False


def test_nobody_waits() -> None:
    assert give_way([]) == []


def test_the_address_with_the_most_pays() -> None:
    few = [Waits("a", 0.0), Waits("a", 1.0, unfinished=True)]
    many = [Waits("b", 7.0), Waits("b", 6.0), Waits("b", 8.0)]
    assert give_way([*few, *many]) == [many[1]]


def test_of_one_address_the_oldest_unfinished_request_goes_first() -> None:
    idle, young, old = Waits("a", 0.0), Waits("a", 9.0, True), Waits("a", 5.0, True)
    assert give_way([idle, young, old]) == [old]
    assert give_way([young, Waits("a", 1.0), idle]) == [young]
    assert give_way([Waits("a", 1.0), idle]) == [idle]


def test_of_very_many_a_fiftieth_goes_together() -> None:
    crowd = [Waits("a", float(number)) for number in range(200)]
    assert give_way(reversed(crowd)) == crowd[:4]
    assert len(give_way(crowd[:99])) == 1
    assert len(give_way(crowd[:100])) == 2
