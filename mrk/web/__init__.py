"""Pages for people, as data."""
