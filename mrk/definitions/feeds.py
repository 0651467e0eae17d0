"""Feeds of announcements, as the configuration and clients name them."""

# It becomes part of a URL and of a file name.
FEED_NAME = "[a-z0-9_][a-z0-9_.-]{0,63}"
