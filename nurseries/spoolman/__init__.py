"""The spool reporter: filament use per spool, told to a Spoolman server (`[spoolman]`)."""
