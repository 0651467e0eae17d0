"""What clients are sent of buttons, for the documents of the API."""

from typing import Any

import msgspec

from mrk.api.notification import NotificationKind


class Press(msgspec.Struct, frozen=True):
    """A press or a release; monotonic seconds, and presses in a row."""

    elapsed_time: float
    received_time: float
    render_time: float
    pressed: bool
    count: int


class ButtonEvent(msgspec.Struct, frozen=True):
    """`aux` is what the template gave with it."""

    name: str
    type: str
    event: Press
    aux: Any


NOTIFICATIONS = (
    NotificationKind(
        "notify_button_event", (ButtonEvent,), "The template of a button called send_notification."
    ),
)
