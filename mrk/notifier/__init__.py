"""Which events notifiers tell, when, and what is sent when much happens at once."""
