"""What clients are sent of files, for the documents of the API."""

from mrk.api.notification import NotificationKind
from mrk.files.records import Change

NOTIFICATIONS = (
    NotificationKind(
        "notify_filelist_changed",
        (Change,),
        "A file or folder was made, changed, moved or deleted, by whomever.",
    ),
)
