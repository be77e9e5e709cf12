"""A stand-in for the provider: the documented Sync API over real HTTP, with a memory, faults on demand, and the logs of its syncs.

For the demo and the tests. In: syncs that exist, a signing key, failure modes. Out: answers, and entries posted to the portal.
"""

from synclogs.demo.simulator.api import Trust
from synclogs.demo.simulator.memory import Known, Memory, Mode
from synclogs.demo.simulator.outbox import Outbox
from synclogs.demo.simulator.runs import Pace
from synclogs.demo.simulator.server import Simulator

__all__ = ["Known", "Memory", "Mode", "Outbox", "Pace", "Simulator", "Trust"]
