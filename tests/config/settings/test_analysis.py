"""[analysis]: defaults, limits, and what it cannot mean."""

import pytest

from config.settings.analysis import AnalysisSettings


@pytest.fixture
def read(read):
    return lambda text="": read(f"[analysis]\n{text}")


def test_defaults(read):
    loaded = read()
    assert loaded.settings.analysis == AnalysisSettings()
    assert loaded.warnings == []


def test_values(read):
    loaded = read(
        "estimator: built-in\nplatform: rpi\nestimator_config: /below/e.json\n"
        "estimator_timeout: 5\nenable_auto_analysis: True\nestimate_files: False\n"
    )
    assert loaded.settings.analysis == AnalysisSettings(
        estimator="built-in",
        platform="rpi",
        estimator_config="below/e.json",
        estimator_timeout_s=5.0,
        enable_auto_analysis=True,
        estimate_files=False,
    )


@pytest.mark.parametrize(
    "text",
    ["estimator: mine\n", "platform: windows\n", "estimator_config: ../e.json\n",
     "estimator_config: /\n", "estimator_timeout: 0\n", "estimator_timeout: soon\n"],
)  # fmt: skip
def test_a_mistake_is_told_and_the_rest_counts(read, text):
    loaded = read(text + "estimate_files: False\n")
    assert text.split(":")[0] in loaded.warnings[0]
    assert not loaded.settings.analysis.estimate_files


def test_updates_of_the_program_are_the_update_managers(read):
    (warning,) = read("enable_estimator_updates: True\n").warnings
    assert "[update_manager klipper_estimator]" in warning
    assert read("enable_estimator_updates: False\n").warnings == []
