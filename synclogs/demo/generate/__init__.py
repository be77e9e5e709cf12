"""Generator of realistic log entries as they come over the wire, for demo, benchmarks and tests.

Deterministic by seed, sizes and end time; ordered by time; memory does not grow with the number of entries. No database, no waiting.
"""

from synclogs.demo.generate.pace import generate, live
from synclogs.demo.generate.sizes import DEMO, expired, missed_entries
from synclogs.demo.generate.world import Person, default_users, people

__all__ = ["DEMO", "Person", "default_users", "expired", "generate", "live", "missed_entries", "people"]
