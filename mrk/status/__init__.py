"""Printer objects: what is known of them, and who wants to hear what changes."""
