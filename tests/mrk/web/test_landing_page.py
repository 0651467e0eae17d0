from mrk.access.decision import Decision
from mrk.access.reasons import Reason
from mrk.web.landing_page import LandingFacts, landing_page

TRUSTED = Decision(True, Reason.TRUSTED_ADDRESS)
STRANGER = Decision(False, Reason.STRANGER)
FACTS = LandingFacts(
    "v0.11.0-mrk-0.2.0",
    "shutdown",
    "MCU 'mcu' <lost>",
    ("<script>alert(1)</script>",),
    ("mqtt",),
    ("spoolman_connection: Spoolman cannot be reached",),
    3,
)


def test_the_page_tells_how_it_is() -> None:
    page = landing_page(FACTS, TRUSTED, "127.0.0.1")
    for text in ("v0.11.0-mrk-0.2.0", "shutdown", "mqtt", "authorized (127.0.0.1)", "Mainsail"):
        assert text in page
    assert "Spoolman cannot be reached" in page


def test_everything_is_escaped() -> None:
    page = landing_page(FACTS, TRUSTED, "<b>")
    assert "<script>" not in page
    assert "<lost>" not in page
    assert "(<b>)" not in page


def test_strangers_learn_that_they_are_strangers() -> None:
    page = landing_page(FACTS, STRANGER, "10.0.0.9")
    assert "not authorized (10.0.0.9): There are no credentials" in page
    assert "mqtt" not in page
    assert "Spoolman" not in page
    assert "shutdown" not in page
