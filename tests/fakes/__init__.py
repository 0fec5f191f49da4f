"""Stand-ins for what tests must control: the clock, and a service that dies at a chosen point."""

from __future__ import annotations

from tests.fakes.batch_api import FakeBatchApi, Killed
from tests.fakes.clock import FakeClock

__all__ = ["FakeBatchApi", "FakeClock", "Killed"]
