"""A driver for each type of `[power <name>]`."""

from collections.abc import Callable
from typing import Any

from config.settings import power_drivers as types
from config.settings.power import PowerSettings
from mrk.errors import MrkError
from mrk.mqtt.mqtt_protocols import MqttPort
from mrk.power import dialects
from mrk.power.driver import PowerDriver
from mrk.power.http_exchange import Dialect
from mrk.power.klipper_object import KlipperObject
from mrk.power.tplink import Plug
from mrk.subsystem import Needs
from nurseries.power.drivers.device_http import BasicLogin, DeviceHttp
from nurseries.power.drivers.http_device import HttpDevice, ShellyDevice
from nurseries.power.drivers.tplink_plug import TplinkDriver


def make_driver(settings: PowerSettings, needs: Needs, mqtt: MqttPort | None) -> PowerDriver:
    """For one device. What few people have is imported here. Raises `MrkError`."""
    name, driver = settings.name, settings.driver
    user, begins_on = f"[power {name}]", bool(settings.initial_state)
    match driver:
        case types.GpioSettings(pin):
            from nurseries.power.drivers.lines import LineDriver

            return LineDriver(needs.gpio, pin, user, begins_on=begins_on)
        case types.RfSettings(pin, on_code, off_code):
            from nurseries.power.drivers.lines import RfDriver

            codes = (off_code, on_code)
            return RfDriver(needs.gpio, pin, user, codes, begins_on=begins_on)
        case types.KlipperPinSettings(object_name, kind, own_name):
            from nurseries.power.drivers.klipper_device import KlipperDriver

            target = KlipperObject(object_name, kind == "gcode_macro", own_name)
            return KlipperDriver(target, needs.klippy, needs.gcode)
        case types.TplinkSmartplugSettings(host, port, output_id, delay_s):
            return TplinkDriver(host, port, Plug(output_id), delay_s)
        case types.MqttSwitchSettings():
            from nurseries.power.drivers.mqtt_device import MqttDriver

            if mqtt is None:
                raise MrkError("it needs [mqtt], which does not run")
            return MqttDriver(name, driver, mqtt)
        case types.UhubctlSettings(location, port):
            from nurseries.power.drivers.usb_port import UsbPort

            return UsbPort(needs.commands, location, port)
        case types.HttpTemplateSettings():
            from nurseries.power.drivers.http_templates import HttpTemplates

            return HttpTemplates(needs.http, driver)
        case types.ProcessDriverSettings(command, environment):
            from nurseries.power.drivers.process import ProcessDriver

            plain = {key: value.reveal() for key, value in environment.items()}
            return ProcessDriver(name, command, plain)
        case types.ShellySettings(web, output_id, delay_s):
            return ShellyDevice(
                needs.http,
                web.base,
                web.user.reveal(),
                web.password.reveal(),
                output_id,
                delay_s,
                verify_certificate=web.verify_certificate,
            )
        case _:
            dialect, login = _DIALECTS[type(driver)](driver)
            http = DeviceHttp(
                needs.http, driver.web.base, login, verify_certificate=driver.web.verify_certificate
            )
            return HttpDevice(http, dialect)


def _login(web: types.WebDeviceSettings) -> BasicLogin:
    return BasicLogin(web.user.reveal(), web.password.reveal())


def _tasmota(one: types.TasmotaSettings) -> tuple[Dialect, None]:
    user, password = one.web.user.reveal(), one.web.password.reveal()
    return dialects.Tasmota(user, password, one.output_id, one.delay_s), None


def _homeseer(one: types.HomeseerSettings) -> tuple[Dialect, BasicLogin]:
    user, password = one.web.user.reveal(), one.web.password.reveal()
    return dialects.Homeseer(user, password, one.device), _login(one.web)


def _homeassistant(one: types.HomeassistantSettings) -> tuple[Dialect, None]:
    token = one.token.reveal()
    return dialects.Homeassistant(token, one.device, one.domain, one.status_delay_s), None


def _smartthings(one: types.SmartthingsSettings) -> tuple[Dialect, None]:
    return dialects.Smartthings(one.token.reveal(), one.device), None


def _hue(one: types.HueSettings) -> tuple[Dialect, None]:
    return dialects.Hue(one.web.user.reveal(), one.device_id, one.is_group), None


_DIALECTS: dict[type, Callable[[Any], tuple[Dialect, BasicLogin | None]]] = {
    types.TasmotaSettings: _tasmota,
    types.HomeseerSettings: _homeseer,
    types.HomeassistantSettings: _homeassistant,
    types.LoxoneSettings: lambda one: (dialects.Loxone(one.output_id), _login(one.web)),
    types.SmartthingsSettings: _smartthings,
    types.HueSettings: _hue,
    types.DomoticzSettings: lambda one: (dialects.Domoticz(one.device), _login(one.web)),
}
