"""The client for outgoing HTTP, for all subsystems."""

from nurseries.http_client.client import MOST_REDIRECTS, HttpClient

__all__ = ["MOST_REDIRECTS", "HttpClient"]
