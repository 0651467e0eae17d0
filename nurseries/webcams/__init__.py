"""Webcams: configured and stored ones, and the test of their addresses."""

from nurseries.webcams.webcams import Webcams

__all__ = ["Webcams"]
