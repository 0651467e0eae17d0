"""The listening sockets: TCP, TLS and the unix socket. `listeners.py` opens them."""
