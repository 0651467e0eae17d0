"""Clients that stay connected: primary websocket, bridge websocket, unix socket."""
