"""Builds the buttons; the library gpiod is imported when the first line is wanted."""

import importlib.util
from collections.abc import Sequence
from typing import Any

from config.settings.buttons import ButtonSettings
from mrk.errors import MrkError
from mrk.extras import install_advice
from mrk.subsystem import Additions, Needs, Service
from mrk.supervision import OUTSIDE_BACKOFF
from nurseries.buttons.button import Button
from nurseries.buttons.subsystem import Buttons


def build(settings: Sequence[ButtonSettings], needs: Needs, additions: Additions) -> None:
    """For `[button ...]`."""
    if importlib.util.find_spec("gpiod") is None:
        raise MrkError(f"the library gpiod is missing: {install_advice('gpio')}")

    def notify(event: dict[str, Any]) -> None:
        needs.clients.broadcast("notify_button_event", [event])

    call_method = needs.templates.call_method
    made = [Button(one, needs.gpio, call_method, notify) for one in settings]
    buttons = Buttons(made)
    additions.services.append(Service("button", buttons.serve))
    additions.services += [
        Service(f"button {one.settings.name}", one.serve, backoff=OUTSIDE_BACKOFF, part_of="button")
        for one in made
    ]
    additions.warnings.append(lambda: buttons.warnings)
