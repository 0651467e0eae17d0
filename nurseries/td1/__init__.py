"""TD-1 devices on USB."""
