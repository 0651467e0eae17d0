"""Time-lapse films: when frames are taken, and how they are rendered. Pure."""
