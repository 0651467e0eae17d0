from mrk.notifier.backlog import GIVE_UP_S, MOST_WAITING, Backlog


def sent(backlog: Backlog[str], now: float) -> str | None:
    one = backlog.take(now)
    if one is None:
        return None
    backlog.succeeded(one)
    return one.message


def test_the_minute_is_any_60_s():
    backlog: Backlog[str] = Backlog(2)
    assert backlog.due_at() is None
    for number in range(4):
        backlog.put(str(number), 0.0)
    assert [sent(backlog, now) for now in (0.0, 10.0, 10.0, 59.9)] == ["0", "1", None, None]
    assert backlog.due_at() == 60.0
    assert [sent(backlog, now) for now in (60.0, 69.9, 70.0, 200.0)] == ["2", None, "3", None]


def test_tries_again_for_an_hour_and_others_go_meanwhile():
    backlog: Backlog[str] = Backlog(60)
    backlog.put("hopeless", 0.0)
    pauses, now, tries = [], 0.0, 0
    while True:
        one = backlog.take(now)
        assert one is not None
        tries += 1
        if backlog.failed(one, now):
            break
        backlog.put("good", now)
        assert sent(backlog, now) == "good"
        due_at = backlog.due_at()
        assert due_at is not None
        pauses.append(due_at - now)
        now = due_at
    assert pauses[:8] == [10, 20, 40, 80, 160, 320, 600, 600]
    assert GIVE_UP_S - 600 <= now <= GIVE_UP_S
    assert (tries, len(backlog)) == (len(pauses) + 1, 0)


def test_when_too_much_waits_the_least_important_is_dropped():
    backlog: Backlog[str] = Backlog(1)
    backlog.put("first", 0.0)
    backlog.put("macro", 0.0, minor=True)
    for number in range(MOST_WAITING - 2):
        assert backlog.put(str(number), 0.0) is None
    assert backlog.put("complete", 0.0) == "macro"
    assert backlog.put("more", 0.0) == "first"
    assert backlog.put("minor", 0.0, minor=True) == "minor"
    assert (len(backlog), backlog.messages[-1]) == (MOST_WAITING, "more")


def test_one_that_is_dropped_while_it_is_tried():
    backlog: Backlog[str] = Backlog(60)
    backlog.put("tried", 0.0)
    one = backlog.take(0.0)
    assert one is not None
    for number in range(MOST_WAITING):
        backlog.put(str(number), 0.0)
    assert "tried" not in backlog.messages
    assert not backlog.failed(one, 1.0)
    assert len(backlog) == MOST_WAITING
