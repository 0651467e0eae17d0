"""Klippy's API socket without the socket: requests, endpoints, subscriptions."""
