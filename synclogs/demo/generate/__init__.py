"""Made-up log entries of a world of syncs, as they come over the wire: for the demo, the benchmarks and the tests.

A seed, sizes and a moment go in; entries in the order of time come out, the same for the same arguments, in memory that
does not grow with their number. Nothing here touches a database or waits.
"""

from synclogs.demo.generate.pace import generate, live
from synclogs.demo.generate.sizes import DEMO, caught_up, expired
from synclogs.demo.generate.world import Person, default_users, people

__all__ = ["DEMO", "Person", "caught_up", "default_users", "expired", "generate", "live", "people"]
