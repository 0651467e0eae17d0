"""Notifiers: people are told of events by the services that the library Apprise knows."""
