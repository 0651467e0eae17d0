"""What a call came to: a value at once, or one that a coroutine gives.

A sync handler's outcome is there when the call returns, and is sent without a task switch; for an
async one whoever owns tasks runs `wait`. No exception comes out of either that was not promised.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")
U = TypeVar("U")


class Outcome(Generic[T]):
    """`value` counts where there is no `pending` coroutine; that one must be awaited or closed."""

    __slots__ = ("pending", "value")

    def __init__(self, value: T, pending: Coroutine[Any, Any, T] | None = None) -> None:
        self.value = value
        self.pending = pending

    @classmethod
    def later(cls, pending: Coroutine[Any, Any, T]) -> "Outcome[T]":
        """What a coroutine will give."""
        return cls(cast("T", None), pending)

    async def wait(self) -> T:
        """The value, once it is there; to be called once."""
        return self.value if self.pending is None else await self.pending

    def then(self, function: Callable[[T], U]) -> "Outcome[U]":
        """The same with `function` applied to the value, which must not raise."""
        if self.pending is None:
            return Outcome(function(self.value))
        return Outcome.later(_applied(function, self.pending))


async def _applied(function: Callable[[T], U], pending: Coroutine[Any, Any, T]) -> U:
    return function(await pending)
