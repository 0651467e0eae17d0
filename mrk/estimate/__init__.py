"""Print times from Klipper's own rules of motion: text of a file in, a plan out. Pure."""
