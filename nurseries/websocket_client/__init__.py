"""Outgoing websockets."""
