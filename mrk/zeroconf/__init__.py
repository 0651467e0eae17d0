"""How the daemon makes itself known in the local network: DNS-SD names, SSDP's messages. Pure."""
