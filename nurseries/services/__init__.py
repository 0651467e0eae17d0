"""Services, power and sudo of the machine: `Machine` and the providers that it chooses from."""
