"""What mrk says to clients that take it for OctoPrint; pure."""
