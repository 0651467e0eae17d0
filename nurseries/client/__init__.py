"""mrk as a client: JSON-RPC to a running daemon, for the command line and for tests."""
