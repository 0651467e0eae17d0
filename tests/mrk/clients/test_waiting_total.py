from mrk.clients.waiting_total import WaitingTotal


def test_the_sum_of_all_kinds() -> None:
    total = WaitingTotal(100)
    one, other = total.share(lambda: None), total.share(lambda: None)
    one.set("output", 30)
    one.add("output", 10)
    one.set("backlog", 5)
    other.set("output", 20)
    assert (one.held_bytes, other.held_bytes, total.held_bytes) == (45, 20, 65)
    one.set("output", 0)
    other.add("output", -20)
    assert (one.held_bytes, other.held_bytes, total.held_bytes) == (5, 0, 5)


def test_past_the_limit_the_largest_gives_way() -> None:
    total, ended = WaitingTotal(100), list[str]()
    large = total.share(lambda: ended.append("large"))
    small = total.share(lambda: ended.append("small"))
    large.set("output", 60)
    small.set("output", 40)
    assert ended == []
    small.set("output", 41)
    assert ended == ["large"]
    assert total.held_bytes == 41
    large.set("output", 1000)  # what still comes for it is not kept
    assert total.held_bytes == 41


def test_as_many_as_it_takes_give_way() -> None:
    total, ended = WaitingTotal(100), list[int]()
    shares = [total.share(lambda number=number: ended.append(number)) for number in range(4)]  # type: ignore[misc]
    for share, size in zip(shares, (40, 30, 20, 10), strict=True):
        share.set("output", size)
    shares[3].set("output", 75)
    assert ended == [3]
    shares[2].set("output", 60)
    assert ended == [3, 2]


def test_one_alone_has_its_own_bounds() -> None:
    total, ended = WaitingTotal(100), list[str]()
    share = total.share(lambda: ended.append("one"))
    share.set("output", 1000)
    assert (ended, total.held_bytes) == ([], 1000)
    total.share(lambda: ended.append("other")).set("output", 1)
    assert (ended, total.held_bytes) == (["one"], 1)


def test_half_full_is_tight() -> None:
    total = WaitingTotal(100)
    share = total.share(lambda: None)
    share.set("output", 50)
    assert not total.tight
    share.set("output", 51)
    assert total.tight


def test_who_goes_leaves_nothing() -> None:
    total = WaitingTotal(100)
    share = total.share(lambda: None)
    share.set("output", 50)
    share.close()
    share.set("output", 60)
    share.close()
    assert (share.held_bytes, total.held_bytes) == (0, 0)
