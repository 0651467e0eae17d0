"""The machine's GPIO chips, shared by power devices and buttons."""
