"""What fields of a webcam may hold, in the configuration and over the API."""

MOST_FPS = 1_000_000  # so that JSON carries it
ROTATIONS = (0, 90, 180, 270)
ASPECT_RATIO = r"[0-9]+:[0-9]+"
