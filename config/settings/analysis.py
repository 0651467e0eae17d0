"""`[analysis]`: print times of g-code files, by mrk itself or by the program klipper_estimator.

Without the section files are estimated by mrk. Read by `read_analysis`.
"""

import msgspec

from config.config_errors import quoted
from config.paths import Paths
from config.reader import ConfigReader
from config.section import Section
from config.values import Bounds

PLATFORMS = ("auto", "linux", "rpi", "osx")
ESTIMATORS = ("auto", "built-in", "klipper_estimator")
_TIMEOUT_S = Bounds(low=1, high=86400, clamps=True)


class AnalysisSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`estimator`: auto is klipper_estimator where it lies in the data folder, built-in elsewhere.

    `estimator_config` is relative to the config root; empty: the limits of the connected printer.
    """

    estimator: str = "auto"
    platform: str = "auto"
    estimator_config: str = ""
    auto_dump_default_config: bool = False
    estimator_timeout_s: float = 600.0
    # Write the times into each new file, once it has been planned.
    enable_auto_analysis: bool = False
    # Plan files in the background, for their metadata.
    estimate_files: bool = True


def read_analysis(reader: ConfigReader, paths: Paths) -> AnalysisSettings:
    """Read `[analysis]`; mistakes and warnings go to `reader`."""
    section = reader.section("analysis")
    default = AnalysisSettings()
    option = "enable_estimator_updates"
    if section.written(option) and section.boolean(option, False):
        section.warn(
            "enable_estimator_updates",
            "does nothing: a section [update_manager klipper_estimator] of type executable has the"
            " program updated",
            mild=True,
        )
    return AnalysisSettings(
        estimator=section.choice("estimator", ESTIMATORS, default.estimator),
        platform=section.choice("platform", PLATFORMS, default.platform),
        estimator_config=_estimator_config(section),
        auto_dump_default_config=section.boolean(
            "auto_dump_default_config", default.auto_dump_default_config
        ),
        estimator_timeout_s=float(section.integer("estimator_timeout", 600, _TIMEOUT_S)),
        enable_auto_analysis=section.boolean("enable_auto_analysis", default.enable_auto_analysis),
        estimate_files=section.boolean("estimate_files", default.estimate_files),
    )


def _estimator_config(section: Section) -> str:
    """A path below the config root, without a way out of it."""
    written = section.text("estimator_config", "")
    if not written:
        return ""
    name = written.strip("/")
    if not name or ".." in name.split("/"):
        section.problem(
            "estimator_config",
            f"{quoted(written)} is not a file below the config folder",
        )
        return ""
    return name
