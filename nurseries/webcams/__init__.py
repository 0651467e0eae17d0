"""Webcams: configured and stored ones, and the test of their addresses."""
