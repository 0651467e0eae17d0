"""Clients that are connected: who they are, and what each has still to be sent."""
