"""Versions, channels, archives and anomalies of what the update manager keeps. Pure."""
