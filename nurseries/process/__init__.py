"""The process towards its host: signals and the service manager."""
