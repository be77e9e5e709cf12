"""Explanations: sentences about syncs, runs and entries in plain English.

Pure and deterministic: no database, no markup, no links; the current time is an argument. What the logs do not show is called
"not known".
"""

from synclogs.explain.entries import (
    SIDE_WORDS,
    EntryState,
    Explanation,
    attempt_words,
    code_words,
    entry_explanation,
    entry_headline,
    entry_retry_clock,
)
from synclogs.explain.many_syncs import (
    SEVERITY,
    OwnedSync,
    StateCounts,
    integration_verdict,
    overview_verdict,
    silence,
    user_verdict,
)
from synclogs.explain.phrases import (
    about,
    ago,
    clock,
    duration_ms,
    joined,
    moment_words,
    one_line,
    plural,
    run_counts,
    span,
)
from synclogs.explain.run_differences import DIFFERENCE_NAMES, Difference, difference, longer_than_usual, step_words
from synclogs.explain.syncs import (
    Finding,
    SyncState,
    Verdict,
    data_verdict,
    delivery_verdict,
    freshness,
    last_error_cause,
    next_expected,
    retry_clock,
    sync_verdict,
)
from synclogs.explain.traces import (
    OUTCOME_TONES,
    Outcome,
    TraceState,
    trace_duration,
    trace_outcome,
    trace_verdict,
)

__all__ = [
    "DIFFERENCE_NAMES", "OUTCOME_TONES", "SEVERITY", "SIDE_WORDS", "Difference", "EntryState",
    "Explanation", "Finding", "Outcome", "OwnedSync", "StateCounts", "SyncState", "TraceState", "Verdict", "about", "ago",
    "attempt_words", "clock", "code_words", "data_verdict", "delivery_verdict", "difference", "duration_ms", "entry_explanation",
    "entry_headline", "entry_retry_clock", "freshness", "integration_verdict", "joined", "last_error_cause", "longer_than_usual",
    "moment_words", "next_expected", "one_line", "overview_verdict", "plural", "retry_clock", "run_counts", "silence",
    "span", "step_words", "sync_verdict", "trace_duration", "trace_outcome", "trace_verdict", "user_verdict",
]  # fmt: skip
