"""What documents tell of metrics; imported when somebody asks for one."""

from mrk.api.endpoint import Access
from mrk.api.streamed_route import Answer, Content, StreamedRoute
from mrk.metrics.exposition import OPENMETRICS, PROMETHEUS


def metrics(path: str) -> list[StreamedRoute]:
    """Where they are."""
    offered = tuple(Content(kind.partition(";")[0], str) for kind in (PROMETHEUS, OPENMETRICS))
    return [
        StreamedRoute(
            path,
            ("GET", "HEAD"),
            "Metrics of printer, jobs and daemon, for Prometheus.",
            Access.VIEW,
            (Answer(200, "Metrics, in the form that Accept asks for", offered),),
            (503,),
        )
    ]
