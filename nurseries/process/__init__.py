"""The process and its host: signals, the service manager, commands, the installation's id."""
