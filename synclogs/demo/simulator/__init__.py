"""Simulated provider for demo and tests: the documented Sync API over real HTTP, with failure modes.

It remembers its syncs, checks tokens by a signing key, and posts the log entries of its syncs to the portal.
"""

from synclogs.demo.simulator.api import Trust
from synclogs.demo.simulator.outbox import Outbox
from synclogs.demo.simulator.runs import Pace
from synclogs.demo.simulator.server import Simulator
from synclogs.demo.simulator.state import Memory, Mode, SyncRecord

__all__ = ["Memory", "Mode", "Outbox", "Pace", "Simulator", "SyncRecord", "Trust"]
