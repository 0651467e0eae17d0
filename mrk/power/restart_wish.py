"""`restart_klipper_when_powered`: what becomes of the wish to restart Klipper. Pure."""

import enum


class RestartStep(enum.Enum):
    """WAIT: Klipper is away or starts; DROP: it is ready; SEND: FIRMWARE_RESTART."""

    WAIT = "wait"
    DROP = "drop"
    SEND = "send"


def restart_step(klippy_state: str) -> RestartStep:
    """What to do about the wish while Klipper is in that state."""
    match klippy_state:
        case "disconnected" | "startup":
            return RestartStep.WAIT
        case "ready":
            return RestartStep.DROP
        case _:
            return RestartStep.SEND
