"""What the configuration and all layers above it have to agree on: limits, roles, words.

The one part of mrk/ that config/ imports; it imports nothing of ours.
"""
