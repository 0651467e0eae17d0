"""Filament per spool: what was pushed, whom it is charged to, what is still to be reported."""
