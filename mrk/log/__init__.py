"""Log records as text, and how often a repeated one is written."""
