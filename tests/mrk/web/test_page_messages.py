from mrk.access.decision import Decision
from mrk.access.reasons import Reason
from mrk.web.page_messages import (
    PageAnswer,
    PageFacts,
    PageRequest,
    decode_answer,
    decode_request,
    encode,
    view_of,
)

FACTS = PageFacts("v1", "ready", warnings=("old",), camera_origins=("http://cam",))


def test_a_stranger_is_told_why_and_nothing_else() -> None:
    view = view_of(FACTS, Decision(False, Reason.STRANGER), "10.0.0.9", prefix="", static="/s")
    assert view.facts is None
    assert "10.0.0.9 is not among trusted_clients" in view.reason
    assert view.version == "v1"


def test_messages_are_one_line_each() -> None:
    trusted = Decision(True, Reason.TRUSTED_ADDRESS)
    view = view_of(FACTS, trusted, "127.0.0.1", prefix="/p", static="/p/mrk/static/1")
    request = PageRequest("/mrk/", view, gzip=True)
    answer = PageAnswer(200, [("A", "b")], b"\n\xff")
    for message in (encode(request), encode(answer)):
        assert message.count(b"\n") == 1
        assert message.endswith(b"\n")
    assert decode_request(encode(request)) == request
    assert decode_answer(encode(answer)) == answer
