"""Jobs: what the printer prints now, what it prints next, and what it has printed."""
