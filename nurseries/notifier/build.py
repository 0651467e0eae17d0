"""Builds the notifiers; the library that sends is loaded by a process of its own."""

import importlib.util
from collections.abc import Sequence

from config.settings.notifiers import NotifierSettings
from mrk.errors import MrkError
from mrk.extras import install_advice
from mrk.subsystem import Additions, Needs, Service
from nurseries.notifier.attachments import Attachments
from nurseries.notifier.endpoints import NotifierEndpoints
from nurseries.notifier.notifier import Notifier
from nurseries.notifier.sending.sender import Sender
from nurseries.notifier.subsystem import Notifiers


def build(settings: Sequence[NotifierSettings], needs: Needs, additions: Additions) -> None:
    """For `[notifier ...]`."""
    if importlib.util.find_spec("apprise") is None:
        raise MrkError(f"the library apprise is missing: {install_advice('notifier')}")
    sender = Sender()
    attachments = Attachments(needs.snapshots, needs.readable, needs.metadata, needs.gcodes_path)
    found = [Notifier(one, sender, attachments) for one in settings]
    notifiers = Notifiers(found, sender, needs.klippy, needs.job_state, needs.queue)
    endpoints = NotifierEndpoints(settings, notifiers, debug=needs.debug)
    additions.services.append(Service("notifier", notifiers.serve, endpoints.endpoints()))
    additions.warnings.append(lambda: notifiers.warnings)
