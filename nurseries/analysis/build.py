"""Builds the analysis of g-code, which is there without a section too."""

from config.settings.analysis import AnalysisSettings
from mrk.subsystem import Additions, Needs
from nurseries.analysis.config_files import ConfigFiles
from nurseries.analysis.estimates import Estimates
from nurseries.analysis.limits_keeper import LimitsKeeper
from nurseries.analysis.object_plans import ObjectPlans
from nurseries.analysis.processing import Processing
from nurseries.analysis.program import EstimatorProgram
from nurseries.analysis.progress import PrintProgress
from nurseries.analysis.shown_times import ShownTimes
from nurseries.analysis.start_times import StartTimes
from nurseries.analysis.subsystem import Analysis


def build(settings: AnalysisSettings, needs: Needs, additions: Additions) -> None:
    """For `[analysis]`; nothing where there is no disk."""
    planned = needs.planned
    if planned is None:
        return
    keeper = LimitsKeeper(needs.klippy, needs.database)
    estimates = Estimates(
        needs.gcodes_path,
        planned.estimator,
        keeper,
        needs.database,
        needs.job_state,
        limit_s=settings.estimator_timeout_s,
        in_background=settings.estimate_files,
    )
    start_times = StartTimes(needs.job_state, needs.database, needs.past_prints, estimates.known)
    estimates.on_made = start_times.look_back
    plans = ObjectPlans(needs.klippy, needs.job_state, estimates)
    planned.show_times(ShownTimes(estimates, start_times, plans))
    planned.followers.append(estimates)
    files = ConfigFiles(needs.data_path, needs.readable)
    processing = Processing(
        needs.gcodes_path,
        planned.estimator,
        needs.database,
        needs.job_state,
        limit_s=settings.estimator_timeout_s,
    )
    analysis = Analysis(
        settings,
        needs.gcodes_path,
        keeper,
        estimates,
        processing,
        EstimatorProgram(files.tools, settings.platform),
        files,
        needs.klippy,
        PrintProgress(
            needs.klippy,
            needs.job_state,
            plans,
            start_times,
        ),
    )
    additions.add("analysis", analysis)
