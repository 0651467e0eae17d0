"""G-code of the virtual printer: dispatch, commands, macros and moves."""
