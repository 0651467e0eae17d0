"""Time-lapse: frames of a print, and the film made of them, written as add-ons are."""
