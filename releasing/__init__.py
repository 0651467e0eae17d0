"""The releasing tool: not part of what is installed."""
