"""Klippy's API socket: framing, messages and the rules of one session with it."""
