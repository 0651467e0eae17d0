"""/api/*: the part of OctoPrint's HTTP API that slicers use."""

import logging
from typing import Any, Literal

import msgspec
import trio

from config.settings.octoprint_compat import OctoPrintCompatSettings
from mrk.api.caller import Caller, Transport
from mrk.api.endpoint import Access, Endpoint, EndpointOptions, NoParams, get, post
from mrk.errors import ClientError
from mrk.files.paths import safe_parts
from mrk.files.transfers import PrintStart, UploadPrints
from mrk.http.response import Response
from mrk.jobs.job_protocols import JobFiles
from mrk.klippy.klippy_protocols import GcodePort, KlippyPort
from mrk.octoprint import answers
from mrk.octoprint.answers import UFP_PLUGIN, OctoPrintWebcam, UfpPlugin
from mrk.octoprint.printer import PrinterAnswer, printer_state, state_text, temperatures
from mrk.version import MOONRAKER_VERSION
from nurseries.octoprint.heaters import PrinterHeaters

logger = logging.getLogger(__name__)
GCODES = "gcodes"
HTTP_ONLY: EndpointOptions = {"transports": frozenset({Transport.HTTP}), "rpc": None}
_CHAMBERS = ("chamber", "heater_generic chamber")


class CommandParams(msgspec.Struct, frozen=True):
    """G-code, run one after the other."""

    commands: list[str] = []


class OctoPrintFileParams(msgspec.Struct, frozen=True):
    """`root` and `path` come from the URL; `print` starts what is selected."""

    root: str
    path: str
    command: Literal["select"]
    print: bool = False


class OctoPrintEndpoints:
    """The declarations and handlers. `files` knows the gcodes root, `prints` starts or queues."""

    def __init__(
        self,
        settings: OctoPrintCompatSettings,
        klippy: KlippyPort,
        gcode: GcodePort,
        files: JobFiles,
        prints: UploadPrints,
        heaters: PrinterHeaters,
    ) -> None:
        self._settings = settings
        self._klippy = klippy
        self._gcode = gcode
        self._files = files
        self._prints = prints
        self._heaters = heaters

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask; bodies are not wrapped in `result`."""
        return [*self._reading(), *self._acting()]

    def _reading(self) -> list[Endpoint]:
        return [
            get(
                "/api/version",
                self.version,
                "Name and version, as OctoPrint reports them.",
                Access.VIEW,
                **HTTP_ONLY,
            ),
            get(
                "/api/server",
                self.server,
                "Whether OctoPrint would be in safe mode.",
                Access.VIEW,
                **HTTP_ONLY,
            ),
            Endpoint(
                "/api/login",
                ("GET", "POST"),
                NoParams,
                self.user,
                "The user of the key; no login takes place.",
                Access.VIEW,
                **HTTP_ONLY,
            ),
            get("/api/currentuser", self.user, "The user of the key.", Access.VIEW, **HTTP_ONLY),
            get(
                "/api/settings",
                self.settings,
                "Webcam, and whether packages of Cura are taken.",
                Access.VIEW,
                **HTTP_ONLY,
            ),
            get(
                "/api/job",
                self.job,
                "State of the job; everything else is null.",
                Access.VIEW,
                **HTTP_ONLY,
            ),
            get(
                "/api/printer",
                self.printer,
                "Temperatures and state flags.",
                Access.VIEW,
                **HTTP_ONLY,
            ),
            get(
                "/api/printerprofiles",
                self.profiles,
                "The one printer profile.",
                Access.VIEW,
                **HTTP_ONLY,
            ),
        ]

    def _acting(self) -> list[Endpoint]:
        return [
            post(
                "/api/printer/command",
                self.command,
                "Run g-code commands.",
                Access.OPERATE,
                CommandParams,
                **HTTP_ONLY,
            ),
            post(
                "/api/files/moonraker/{root}/{path...}",
                self.select,
                "Select an uploaded file, and print it if asked to.",
                Access.OPERATE,
                OctoPrintFileParams,
                **HTTP_ONLY,
            ),
        ]

    def version(self, _params: NoParams, _caller: Caller) -> Response:
        """`text` begins with OctoPrint."""
        return _bare(answers.Version(f"OctoPrint (Moonraker {MOONRAKER_VERSION})"))

    def server(self, _params: NoParams, _caller: Caller) -> Response:
        """Safe mode means that the printer is not ready."""
        ready = self._klippy.klippy_state == "ready"
        return _bare(answers.OctoPrintServer(None if ready else "settings"))

    def user(self, _params: NoParams, _caller: Caller) -> Response:
        """Always the same."""
        return _bare(answers.OctoPrintUser())

    def settings(self, _params: NoParams, _caller: Caller) -> Response:
        """As configured."""
        settings = self._settings
        webcam = OctoPrintWebcam(
            flip_h=settings.flip_h,
            flip_v=settings.flip_v,
            rotate_90=settings.rotate_90,
            stream_url=settings.stream_url,
            webcam_enabled=settings.webcam_enabled,
        )
        plugins = {UFP_PLUGIN: UfpPlugin()} if settings.enable_ufp else {}
        return _bare(answers.SettingsAnswer(plugins, webcam))

    def job(self, _params: NoParams, _caller: Caller) -> Response:
        """The state alone."""
        return _bare(answers.job(self._state()))

    def printer(self, _params: NoParams, _caller: Caller) -> Response:
        """Without temperatures while no printer is connected."""
        found = temperatures(self._heaters.connected, self._klippy.status)
        return _bare(PrinterAnswer(found, printer_state(self._state())))

    def profiles(self, _params: NoParams, _caller: Caller) -> Response:
        """With the heaters of the printer that was ready last."""
        return _bare(
            answers.profiles(
                heated_bed="heater_bed" in self._heaters.names,
                heated_chamber=any(name in self._heaters.names for name in _CHAMBERS),
            )
        )

    async def command(self, params: CommandParams, _caller: Caller) -> Response:
        """Answers when the last command has run; those that fail are logged.

        What follows a lost link is not run: it was meant for the printer as it was.
        """
        failures: list[str] = []
        for command in params.commands:
            if not self._klippy.klippy_connected:
                failures.append("Klipper is not connected: the rest is not run")
                break
            try:
                await self._gcode.run_gcode(command)
            except ClientError as exc:
                failures.append(exc.message)
                # A refusal may come without a wait, and a list be long.
                await trio.lowlevel.checkpoint()
        if failures:
            logger.warning(
                "OctoPrint commands: %d of %d failed; the first: %s",
                len(failures), len(params.commands), failures[0],
            )  # fmt: skip
        return Response(200, b"{}")

    async def select(self, params: OctoPrintFileParams, caller: Caller) -> Response:
        """204. Raises 400 for a file that is not there, 409 when it cannot be printed now."""
        if params.root != GCODES:
            raise ClientError(f"Only files in {GCODES} can be selected")
        path = "/".join(safe_parts(params.path))
        if not path or not await self._files.exists(path):
            raise ClientError(f"File does not exist ({params.path:.200})")
        if params.print:
            outcome = await self._prints.print_upload(path, caller.user)
            if outcome.start is PrintStart.REFUSED:
                raise ClientError(f"The print cannot start: {outcome.reason}", 409)
        return Response(204, content_type="")

    def _state(self) -> str:
        return state_text(self._klippy.klippy_state, self._klippy.status("print_stats"))


def _bare(answer: Any) -> Response:
    return Response(200, msgspec.json.encode(answer))
