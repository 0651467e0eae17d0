"""Announcements in the local network: mDNS with the library zeroconf, SSDP by itself."""
