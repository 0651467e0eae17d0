"""TD-1: a meter of filament's transmission distance and colour, on a serial line. Pure."""
