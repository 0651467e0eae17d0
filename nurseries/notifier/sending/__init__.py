"""The process that sends, with Apprise, and its messages."""
