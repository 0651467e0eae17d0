"""Rules for those who ask whatever the OpenAPI document lists."""

from typing import Any

ENDLESS = frozenset({"text/event-stream", "multipart/x-mixed-replace"})


def ends(operation: dict[str, Any]) -> bool:
    """Whether an answer comes and ends by itself.

    A websocket wants a handshake, events and a camera's pictures go on until the client leaves:
    who waits for their end waits forever. Their own tests are those of each.
    """
    answers = operation["responses"]
    told = {kind for answer in answers.values() for kind in answer.get("content", ())}
    return "101" not in answers and not told & ENDLESS
