"""Serial ports: what is shared by those who speak over one."""
