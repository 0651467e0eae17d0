"""The command line of mrk: one file a command."""
