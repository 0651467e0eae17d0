"""GPIO buttons that run templates."""
