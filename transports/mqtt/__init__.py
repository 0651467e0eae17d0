"""MQTT: the API, the printer's status and Home Assistant over a broker."""

from transports.mqtt.mqtt import Mqtt

__all__ = ["Mqtt"]
