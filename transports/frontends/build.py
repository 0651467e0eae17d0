"""Builds what serves front ends, for `[frontend]`."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import trio

from config.settings.frontend import FrontEndSettings
from mrk.frontends.default_config import FrontEndConfig, Instance, config_json
from mrk.frontends.front_end import FrontEnd
from mrk.http.streamed_paths import DoorRules
from mrk.subsystem import Additions, Needs, Service
from transports.frontends.front_ends import ServedFrontEnds
from transports.frontends.static_files import StaticFiles


def build(settings: Sequence[FrontEndSettings], needs: Needs, additions: Additions) -> None:
    """What the door asks last, and a warning for each folder without a front end."""
    front_ends = [_front_end(one, needs) for one in settings]
    files = {one.name: StaticFiles(one) for one in front_ends}
    for one in files.values():
        one.check()

    def serve(rules: DoorRules) -> ServedFrontEnds:
        return ServedFrontEnds(front_ends, files, rules)

    async def keep_open(*, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until the generation ends: then no file is kept open."""
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            for one in files.values():
                one.close()

    additions.fallbacks.append(serve)
    additions.services.append(Service("frontend", keep_open))
    additions.warnings.append(partial(_missing, list(files.values())))


def _missing(files: Sequence[StaticFiles]) -> list[str]:
    return [one.missing for one in files if one.missing is not None]


def _front_end(settings: FrontEndSettings, needs: Needs) -> FrontEnd:
    own = needs.own_address
    config = FrontEndConfig(
        locale=settings.locale,
        mode=settings.mode,
        theme=settings.theme,
        instances=tuple(Instance(one.host, one.port, one.path) for one in settings.instances),
    )
    secure_port = settings.ssl_port or own.https_port
    return FrontEnd(
        name=settings.name,
        folder=str(Path(settings.path)),
        prefix=settings.prefix,
        port=settings.port,
        ssl_port=settings.ssl_port,
        secure_port=secure_port if settings.redirect_to_https else None,
        configuration=config_json(config, own.route_prefix),
        frame_ancestors=settings.frame_ancestors,
    )
