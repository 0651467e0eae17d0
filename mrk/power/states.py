"""The states of a power device, what can be asked of it, and how it fails."""

import enum

from mrk.errors import ClientError, MrkError


class PowerState(enum.StrEnum):
    """init: not known yet; error: the last query or command failed."""

    ON = "on"
    OFF = "off"
    INIT = "init"
    ERROR = "error"

    @classmethod
    def of(cls, on: bool) -> "PowerState":
        """On or off."""
        return cls.ON if on else cls.OFF

    @property
    def is_known(self) -> bool:
        """Whether it is on or off."""
        return self in (PowerState.ON, PowerState.OFF)


class Wish(enum.StrEnum):
    """What can be asked of a device."""

    ON = "on"
    OFF = "off"
    TOGGLE = "toggle"
    STATUS = "status"


class DriverFailed(MrkError):
    """A device did not do, or say, what was asked; the text is for a person.

    `status` is what a client gets that wanted to switch, `state` what is known of the device then.
    With 503 a query fails too, instead of saying `error`.
    """

    def __init__(
        self, message: str, status: int = 400, state: PowerState = PowerState.ERROR
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.state = state


def read_action(text: str) -> Wish:
    """`action` of a request, in any case; raises `ClientError` 400."""
    try:
        wish = Wish(text.strip().lower())
    except ValueError:
        wish = Wish.STATUS
    if wish is Wish.STATUS:
        raise ClientError(f"Argument 'action': '{text:.60}' given, on, off or toggle expected")
    return wish


_REMOTE = {"true": Wish.ON, "false": Wish.OFF, "on": Wish.ON, "off": Wish.OFF}


def read_remote_state(state: object) -> Wish:
    """`state` of `set_device_power`: a boolean, or a text in any case; raises ValueError."""
    text = str(state).strip().lower()
    if text in _REMOTE or text == Wish.TOGGLE:
        return _REMOTE.get(text, Wish.TOGGLE)
    shown = repr(state)[:60]
    raise ValueError(f"state {shown} is not known (expected on, off, toggle, true or false)")
