"""Spools in the gates of multi-material units, and the g-code that names them. Pure."""
