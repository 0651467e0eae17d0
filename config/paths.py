"""The data folder: where everything lies, from command line and environment.

`Paths.resolve` is pure; arguments win over MOONRAKER_ARGS, and that over the other environment
variables. All names are Moonraker's, so that its service unit and environment file keep working.
`create_folders` makes what a first start lacks.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from config.config_errors import ConfigError
from config.moonraker_arguments import options_of

CONF_NAME = "moonraker.conf"
TOML_NAME = "mrk.toml"
_TRUE = frozenset({"y", "yes", "true"})

Given = str | Path | None


class Paths(NamedTuple):
    """Absolute paths and the switches given beside them.

    `config_file` is None unless one was named: then the data folder is searched.
    `log_file` is None when only standard output is wanted.
    """

    data: Path
    unix_socket: Path
    config_file: Path | None = None
    log_file: Path | None = None
    nologfile: bool = False
    structured: bool = False
    verbose: bool = False
    debug: bool = False
    asyncio_debug: bool = False

    @classmethod
    def resolve(
        cls,
        *,
        environ: Mapping[str, str],
        data_path: Given = None,
        config_file: Given = None,
        log_file: Given = None,
        unix_socket: Given = None,
        nologfile: bool | None = None,
        structured: bool | None = None,
        verbose: bool | None = None,
        debug: bool | None = None,
        asyncio_debug: bool | None = None,
    ) -> "Paths":
        """Join arguments (None: not given), environment and defaults. Raises ConfigError."""
        in_variable = options_of(environ)

        def path(given: Given, name: str, variable: str) -> Path | None:
            if given is None:
                found = in_variable.get(name)
                given = found if isinstance(found, Path) else environ.get(variable)
            return _absolute(str(given), environ) if given else None

        def flag(given: bool | None, name: str, variable: str) -> bool:
            if given is not None:
                return given
            return name in in_variable or environ.get(variable, "").strip().lower() in _TRUE

        default = _absolute("~/printer_data", environ)
        data = path(data_path, "data_path", "MOONRAKER_DATA_PATH") or default
        if not _is_text(data):
            raise ConfigError(
                "the data folder's name is not UTF-8; expected one that is", file=str(data)
            )
        no_log = flag(nologfile, "nologfile", "MOONRAKER_DISABLE_FILE_LOG")
        log = path(log_file, "log_file", "MOONRAKER_LOG_PATH")
        socket = path(unix_socket, "unix_socket", "MOONRAKER_UDS_PATH")
        return cls(
            data=data,
            config_file=path(config_file, "config_file", "MOONRAKER_CONFIG_PATH"),
            log_file=None if no_log else log or data / "logs" / "moonraker.log",
            unix_socket=socket or data / "comms" / "moonraker.sock",
            nologfile=no_log,
            structured=flag(structured, "structured", "MOONRAKER_STRUCTURED_LOGGING"),
            verbose=flag(verbose, "verbose", "MOONRAKER_VERBOSE_LOGGING"),
            debug=flag(debug, "debug", "MOONRAKER_ENABLE_DEBUG"),
            asyncio_debug=flag(asyncio_debug, "asyncio_debug", "MOONRAKER_ASYNCIO_DEBUG"),
        )

    @property
    def config(self) -> Path:
        """API root `config`; the configuration files of mrk and of the printer."""
        return self.data / "config"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def gcodes(self) -> Path:
        return self.data / "gcodes"

    @property
    def database(self) -> Path:
        return self.data / "database"

    @property
    def comms(self) -> Path:
        return self.data / "comms"

    @property
    def backups(self) -> Path:
        """Archives of configuration and database."""
        return self.data / "backup" / "installation"

    @property
    def certificate(self) -> Path:
        return self.data / "certs" / "moonraker.cert"

    @property
    def certificate_key(self) -> Path:
        return self.data / "certs" / "moonraker.key"

    @property
    def secrets(self) -> Path:
        """What templates name as `secrets`; closed to clients."""
        return self.data / "moonraker.secrets"

    @property
    def instance_id(self) -> Path:
        """32 hexadecimal digits naming this installation."""
        return self.data / ".moonraker.uuid"


def create_folders(paths: Paths) -> list[str]:
    """Create the data folder (one level) and its usual folders; returns what is wrong with those.

    Raises ConfigError when there is no data folder.
    """
    try:
        paths.data.mkdir(exist_ok=True)
    except OSError as exc:
        reason = f"folder cannot be created: {exc.strerror}"
        raise ConfigError(reason, file=str(paths.data)) from exc
    if not os.access(paths.data, os.R_OK | os.X_OK, effective_ids=True):
        reason = f"folder cannot be opened by user {os.geteuid()}: Permission denied"
        raise ConfigError(reason, file=str(paths.data))
    lacking: dict[str | None, list[str]] = {}
    for folder in (paths.config, paths.logs, paths.gcodes, paths.database, paths.comms):
        try:
            folder.mkdir(exist_ok=True)
        except OSError as exc:
            # A `Path` would raise where it may not look.
            if not os.path.isdir(folder):
                lacking.setdefault(exc.strerror, []).append(folder.name)
    return [
        f"In {paths.data}, {', '.join(names)} cannot be created: {reason}."
        for reason, names in lacking.items()
    ]


def _is_text(path: Path) -> bool:
    """False for a name that clients could not be told."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _absolute(text: str, environ: Mapping[str, str]) -> Path:
    """Absolute, with `~` taken from the given environment; links are not followed."""
    home = environ.get("HOME")
    if home and (text == "~" or text.startswith("~/")):
        text = home + text[1:]
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as exc:
        raise ConfigError(str(exc), file=text) from exc
