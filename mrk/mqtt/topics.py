"""Topics: which names are allowed, and those of one instance. Pure."""

import msgspec

from mrk.definitions.limits import TOPIC_BYTES
from mrk.errors import ClientError


def check_topic(topic: str) -> str:
    """The topic, if it names exactly one; raises `ClientError` 400.

    Wildcards are refused for publishing and for subscribing alike.
    """
    if not topic:
        raise ClientError("topic: is empty (expected a name such as shop/door)")
    if "+" in topic or "#" in topic:
        raise ClientError(f"topic: {topic[:200]!r} has a wildcard (+ or #), which is not allowed")
    if "\0" in topic:
        raise ClientError("topic: has a null character in it")
    try:
        size_bytes = len(topic.encode())
    except UnicodeEncodeError:
        raise ClientError("topic: cannot be written as UTF-8") from None
    if size_bytes > TOPIC_BYTES:
        raise ClientError(f"topic: has {size_bytes} bytes (expected at most {TOPIC_BYTES})")
    return topic


def check_qos(qos: int) -> int:
    """The quality of service; raises `ClientError` 400. 0 is as good a wish as any."""
    if not 0 <= qos <= 2:
        raise ClientError(f"qos: {qos} is out of range (expected 0 to 2)")
    return qos


class Topics(msgspec.Struct, frozen=True):
    """Topics of one instance, under its name."""

    instance: str

    @property
    def request(self) -> str:
        """JSON-RPC in."""
        return f"{self.instance}/moonraker/api/request"

    @property
    def response(self) -> str:
        """JSON-RPC out, for everybody."""
        return f"{self.instance}/moonraker/api/response"

    @property
    def server(self) -> str:
        """Whether mrk is there, retained; also the last will."""
        return f"{self.instance}/moonraker/status"

    @property
    def installation(self) -> str:
        """Whose this name is, retained."""
        return f"{self.instance}/moonraker/installation"

    @property
    def status(self) -> str:
        """Changes of printer objects."""
        return f"{self.instance}/klipper/status"

    @property
    def printer(self) -> str:
        """Whether the printer is there, retained, for Home Assistant."""
        return f"{self.instance}/homeassistant/printer"

    @property
    def home_state(self) -> str:
        """What Home Assistant's entities show, retained."""
        return f"{self.instance}/homeassistant/state"

    def camera(self, key: str) -> str:
        """The last picture of a webcam."""
        return f"{self.instance}/homeassistant/camera/{_level(key)}"

    def field(self, printer_object: str, field: str) -> str:
        """One field of one printer object, with split status.

        What a topic cannot hold in a name (`+ # /` and control characters) becomes `_`.
        """
        return f"{self.instance}/klipper/state/{_level(printer_object)}/{_level(field)}"


_LEVEL = str.maketrans(dict.fromkeys(("+", "#", "/", *map(chr, range(32)), "\x7f"), "_"))


def _level(name: str) -> str:
    return name.translate(_LEVEL)
