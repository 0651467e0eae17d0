"""The websocket protocol's rules: handshake, what clients send, the bridge's requests."""
