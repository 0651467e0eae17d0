"""What clients are sent of announcements, for the documents of the API."""

import msgspec

from mrk.announcements.entry import Entry
from mrk.api.notification import NotificationKind
from nurseries.announcements.dismissals import EntryId


class AllEntries(msgspec.Struct, frozen=True):
    """All of them, also those that were dismissed."""

    entries: list[Entry]


NOTIFICATIONS = (
    NotificationKind("notify_announcement_update", (AllEntries,), "Entries came or went."),
    NotificationKind("notify_announcement_dismissed", (EntryId,), "An entry was dismissed."),
    NotificationKind("notify_announcement_wake", (EntryId,), "A dismissal's time is over."),
)
