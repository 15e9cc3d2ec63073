"""When a request is sent again: where the server said that it cannot answer now, or nothing listened; never else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from serving.client.errors import Unavailable, Unreachable

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Retry:
    """How often a request is sent, and how long is waited in between.

    Before the n-th time again it is a random time up to `first` · 2ⁿ⁻¹ seconds ("full jitter", Brooker, "Exponential
    Backoff And Jitter", AWS 2015), so that clients that failed together do not come back together. A request that may
    have been answered, such as one whose time was up or whose connection broke, is sent once only.

    Attributes:
      attempts: how often in all; 1 is never again.
      first: seconds, at most, before the second attempt.
      longest: seconds, at most, before any attempt.
    """

    attempts: int = 5
    first: float = 0.1
    longest: float = 2.0

    def call(self, ask: Callable[[], Answer]) -> Answer:
        """Returns what `ask` returns, in the end; raises what it raises the last time."""
        retrying = Retrying(
            stop=stop_after_attempt(self.attempts),
            wait=wait_random_exponential(self.first, self.longest),
            retry=retry_if_exception_type((Unavailable, Unreachable)),
            reraise=True,
        )
        return retrying(ask)
