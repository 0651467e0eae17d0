"""What clients are sent of users, for the documents of the API."""

import msgspec

from mrk.api.notification import NotificationKind


class ChangedUser(msgspec.Struct, frozen=True):
    """Who it is about."""

    username: str


NOTIFICATIONS = (
    NotificationKind("notify_user_created", (ChangedUser,), "A user was made."),
    NotificationKind(
        "notify_user_deleted",
        (ChangedUser,),
        "A user was deleted; connections of that user hear nothing more.",
    ),
    NotificationKind(
        "notify_user_logged_out",
        (ChangedUser,),
        "A user logged out; connections of that user hear nothing more.",
    ),
)
