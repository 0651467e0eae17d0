"""GPIO buttons: what counts as a press, and when a line is too noisy. Pure."""
