"""Endpoints about the daemon itself and its connections."""
