"""All kinds of notifications, from where each is declared; for documents and tests.

Imported when somebody asks for a document: the optional subsystems' files come with it.
"""

import importlib

from mrk.api.notification import NotificationKind

_DECLARED_IN = (
    "klippy", "jobs", "files", "webcams", "announcements", "extensions", "access", "proc_stats",
    "services", "update_manager", "spoolman", "sensors", "power", "buttons", "timelapse",
)  # fmt: skip


def all_notifications() -> list[NotificationKind]:
    """In the order of their names."""
    found: list[NotificationKind] = []
    for folder in _DECLARED_IN:
        module = importlib.import_module(f"nurseries.{folder}.notifications")
        found += module.NOTIFICATIONS
    return sorted(found, key=lambda kind: kind.method)
