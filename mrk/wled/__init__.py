"""WLED strips: what is sent for each order, and what is reported then. Pure."""
