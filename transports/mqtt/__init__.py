"""MQTT: the API, the printer's status and Home Assistant over a broker."""
