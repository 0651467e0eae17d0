"""`publish_mqtt_topic`: what macros of the printer publish.

Klipper's calls come in the link's reader, which waits for nobody: a message goes into the
broker's queue, or is dropped with a line in the log.
"""

import logging
from collections.abc import Callable

from mrk.definitions.roles import Role
from mrk.errors import ClientError
from mrk.klippy.remote_methods import is_true
from mrk.mqtt.payloads import encode_payload

METHOD = "publish_mqtt_topic"
# Whoever may run a macro has at least this one.
ROLE = Role.OPERATE

logger = logging.getLogger(__name__)
Post = Callable[[str, bytes, int | None, bool], None]


class MacroMessages:
    """`post` queues a message, `name` begins our topics; both raise `ClientError`."""

    def __init__(
        self, post: Post, check_role: Callable[[str, Role], None], name: Callable[[], str]
    ) -> None:
        self._post = post
        self._check_role = check_role
        self._name = name

    def publish(
        self,
        topic: object,
        payload: object = None,
        qos: object = None,
        retain: object = False,
        use_prefix: object = False,
    ) -> None:
        """The remote method; `use_prefix` puts the instance's name in front."""
        place = str(topic)
        if is_true(use_prefix):
            place = f"{self._name()}/{place.lstrip('/')}"
        try:
            self._check_role(place, ROLE)
            self._post(place, encode_payload(payload), _level(qos), is_true(retain))
        except ClientError as exc:
            logger.warning("%s of a macro, topic %.200s: %s", METHOD, place, exc.message)


def _level(qos: object) -> int | None:
    """Templates write numbers as text, too."""
    if qos is None or qos == "":
        return None
    text = str(qos)
    if text not in ("0", "1", "2"):
        raise ClientError(f"qos: {text[:20]} is out of range (expected 0 to 2)")
    return int(text)
