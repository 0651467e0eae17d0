"""Serial ports and pseudo-terminals as streams."""
