"""What documents tell of metrics; imported when somebody asks for one."""

from mrk.api.door_route import Answer, Content, DoorRoute
from mrk.api.endpoint import Access
from mrk.metrics.exposition import OPENMETRICS, PROMETHEUS


def metrics(path: str) -> list[DoorRoute]:
    """Where they are."""
    offered = tuple(Content(kind.partition(";")[0], str) for kind in (PROMETHEUS, OPENMETRICS))
    return [
        DoorRoute(
            path,
            ("GET", "HEAD"),
            "Metrics of printer, jobs and daemon, for Prometheus.",
            Access.VIEW,
            (Answer(200, "Metrics, in the form that Accept asks for", offered),),
            (503,),
        )
    ]
