"""Drivers of HTTP devices: ask, read, switch, read. What they say is the dialect's business."""

import os

import trio

from mrk.http.client import HttpRequests
from mrk.power.digest import Digest
from mrk.power.http_exchange import Dialect
from mrk.power.shelly import PROBE, USER, ShellyOne, ShellyTwo, generation
from mrk.power.states import DriverFailed, PowerState
from nurseries.power.drivers.asked_driver import AskedDriver
from nurseries.power.drivers.device_http import BasicLogin, DeviceHttp, DeviceRefused


class HttpDevice(AskedDriver):
    """Implements `PowerDriver` for any dialect."""

    def __init__(self, http: DeviceHttp, dialect: Dialect) -> None:
        self._http = http
        self._dialect = dialect
        self.least_s = dialect.settle_s

    async def status(self) -> PowerState:
        """Ask for it."""
        return self._dialect.read_status(await self._http.json(self._dialect.status()))

    async def switch(self, on: bool) -> PowerState:
        """Send the command; where its answer tells nothing, ask a moment later."""
        answer = await self._http.json(self._dialect.switch(on))
        state = self._dialect.read_switch(on, answer)
        if state is not None:
            return state
        await trio.sleep(self._dialect.settle_s)
        return await self.status()


class ShellyDevice(AskedDriver):
    """Implements `PowerDriver`; which generation answers is asked whenever it was away."""

    def __init__(
        self,
        http: HttpRequests,
        base: str,
        user: str,
        password: str,
        output: int,
        delay_s: int | None,
        *,
        verify_certificate: bool = True,
    ) -> None:
        self._http = DeviceHttp(http, base, verify_certificate=verify_certificate)
        self._user = user
        self._password = password
        self._output = output
        self._delay_s = delay_s
        self._device: HttpDevice | None = None

    async def status(self) -> PowerState:
        """As its generation says."""
        device = await self._known()
        try:
            return await device.status()
        except DriverFailed:
            self._device = None
            raise

    async def switch(self, on: bool) -> PowerState:
        """As its generation is told."""
        device = await self._known()
        try:
            return await device.switch(on)
        except DriverFailed:
            self._device = None
            raise

    async def _known(self) -> HttpDevice:
        if self._device is None:
            self._http.login = BasicLogin()
            later = await self._generation() > 1
            dialect: Dialect
            if later:
                dialect = ShellyTwo(self._output, self._delay_s)
                if self._password:
                    self._http.login = Digest(USER, self._password, os.urandom(8).hex())
            else:
                dialect = ShellyOne(self._output, self._delay_s)
                self._http.login = BasicLogin(self._user, self._password)
            self._device = HttpDevice(self._http, dialect)
        return self._device

    async def _generation(self) -> int:
        """What refuses the question, like relays of one's own, speaks as the first one."""
        try:
            return generation(await self._http.json(PROBE))
        except DeviceRefused:
            return 1
