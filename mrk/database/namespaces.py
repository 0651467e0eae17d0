"""Which namespaces clients may read and write.

Protected ones are read-only for clients, forbidden ones are not theirs at all. Both sets are
remembered in the `database` namespace, so that a namespace stays reserved when the part that
reserved it is no longer configured.
"""

from collections.abc import Iterable

from mrk.database.keys import check_text
from mrk.errors import ClientError

OWN_NAMESPACE = "database"
PROTECTED_KEY = "protected_namespaces"
FORBIDDEN_KEY = "forbidden_namespaces"
PROTECTED = frozenset({"moonraker", "gcode_metadata", "announcements", "update_manager"})
# Wholes that hold a token, whether the subsystem is configured or not.
SECRET = frozenset({"simplyprint"})
FORBIDDEN = SECRET | {OWN_NAMESPACE}
# Their own methods are for admins, if only for some of what is in them, and this is another way to
# the same: where pictures are fetched from, what ffmpeg is started with.
ADMINS = frozenset({"timelapse", "webcams"})


class ReservedNamespaces:
    """The reserved namespaces of one database."""

    def __init__(self, protected: Iterable[str] = (), forbidden: Iterable[str] = ()) -> None:
        self.protected = PROTECTED | set(protected)
        self.forbidden = FORBIDDEN | set(forbidden)

    def remember(self, protected: object, forbidden: object) -> None:
        """Add what an earlier run stored; anything but lists of texts is ignored."""
        self.protected |= _texts(protected)
        self.forbidden |= _texts(forbidden)

    def check_read(self, namespace: str) -> None:
        """Raises `ClientError` 403 for a forbidden namespace."""
        if namespace in self.forbidden:
            raise ClientError(f"Namespace '{namespace}' is forbidden", 403)

    def check_write(self, namespace: str) -> None:
        """Raises `ClientError` 403 for a forbidden or protected namespace."""
        self.check_read(namespace)
        if namespace in self.protected:
            raise ClientError(f"Namespace '{namespace}' is read-only for clients", 403)


def check_name(namespace: str) -> str:
    """A namespace that can be created; raises `ClientError` 400."""
    if not namespace:
        raise ClientError("Argument 'namespace' is empty")
    return check_text("namespace", namespace)


def _texts(stored: object) -> frozenset[str]:
    if not isinstance(stored, list):
        return frozenset()
    return frozenset(item for item in stored if isinstance(item, str))
