"""What a message of a power device's `state_topic` means. Pure."""

from mrk.power.states import PowerState

# A message that says nothing, and ends no wait.
DISCARD = None


def read_payload(text: str) -> PowerState | None:
    """on or off, in any case; None for `discard`; everything else is an error."""
    match text.strip().lower():
        case "on":
            return PowerState.ON
        case "off":
            return PowerState.OFF
        case "discard":
            return DISCARD
        case _:
            return PowerState.ERROR
