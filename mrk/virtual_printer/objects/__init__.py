"""The virtual printer's objects: what g-code changes and clients see."""
