"""Services, power and sudo of the machine: `Machine` and the providers that it chooses from."""

from nurseries.services.machine import Machine

__all__ = ["Machine"]
