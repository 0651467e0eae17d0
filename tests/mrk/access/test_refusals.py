from mrk.access.refusals import (
    AGAIN_S,
    LINES_PER_MINUTE,
    MOST,
    MOST_PROXIES,
    WHY_CHARS,
    Refusals,
)


def test_one_line_per_address_and_reason() -> None:
    refusals = Refusals()
    assert refusals.line("10.0.0.9", "why", 5.0) == "refused 10.0.0.9: why"
    assert refusals.line("10.0.0.9", "why", 6.0) is None
    assert refusals.line("10.0.0.9", "why", 4.0 + AGAIN_S) is None
    assert refusals.line("10.0.0.9", "another", 7.0) == "refused 10.0.0.9: another"
    assert refusals.line("10.0.0.8", "why", 8.0) == "refused 10.0.0.8: why"
    again = "refused 10.0.0.9: why (2 more times since this was last said)"
    assert refusals.line("10.0.0.9", "why", 5.0 + AGAIN_S) == again
    assert refusals.line("10.0.0.9", "why", 5.0 + 2 * AGAIN_S) == "refused 10.0.0.9: why"


def test_a_flood_of_addresses_is_bounded_in_lines_and_memory() -> None:
    refusals = Refusals()
    lines = [refusals.line(f"10.0.{n >> 8}.{n & 255}", "why", n / 1000) for n in range(20_000)]
    assert sum(line is not None for line in lines) == LINES_PER_MINUTE
    for minute in range(1, 100):
        for n in range(LINES_PER_MINUTE + 1):
            refusals.line(f"10.1.{minute}.{n}", "why", minute * 60.0)
    assert len(refusals) == MOST


def test_who_was_told_longest_ago_is_forgotten_first() -> None:
    refusals = Refusals()
    minute = 0.0
    for n in range(MOST + 1):
        minute += 60.0 * (n % LINES_PER_MINUTE == 0)
        assert refusals.line(str(n), "why", minute / 100_000 + minute) is not None
    assert refusals.line(str(MOST), "why", minute) is None


def test_a_clients_own_words_are_cut() -> None:
    refusals = Refusals()
    line = refusals.line("10.0.0.9", "x" * 100_000, 0.0)
    assert line is not None
    assert len(line) < WHY_CHARS + 50
    assert refusals.line("10.0.0.9", "x" * 99_000, 0.0) is None


def test_a_few_proxies_are_warned_of_once_each() -> None:
    refusals = Refusals()
    for n in range(10):
        for _ in range(2):
            refusals.warn_of_proxy(f"10.0.0.{n}", f"10.0.0.{n} is a proxy")
    assert refusals.warnings == [f"10.0.0.{n} is a proxy" for n in range(MOST_PROXIES)]
