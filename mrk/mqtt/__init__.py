"""MQTT without a broker: topics, payloads, packets, requests, Home Assistant's documents."""
