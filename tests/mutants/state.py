"""Mutants of what entries add up to: a sync's state, since when, its runs, counts; and of what leaves with its day."""

from collections.abc import Mapping

from tests.mutants.mutant import Mutant

MUTANTS: Mapping[str, tuple[Mutant, ...]] = {
    "synclogs.ingestion.projections": (
        Mutant(
            "of one instant in a batch the start comes first",
            "A run that starts and ends at one instant has ended.",
            before="status_of(item[1]) != SyncStatus.ACTIVE, item[0]",
            after="status_of(item[1]) == SyncStatus.ACTIVE, item[0]",
            tests="test_state_ties.py::test_at_one_instant_a_run_starts_before_it_ends",
        ),
        Mutant(
            "a failed webhook is no error of the sync",
            "Delivery is a leg of its own: the data may well be in order.",
            before="if record.category == Category.WEBHOOK:",
            after="if False:",
            tests="test_ingest.py::test_a_failed_webhook_is_no_error_of_the_sync",
        ),
        Mutant(
            "the count of a kind is that of all its entries",
            "Entries alike are counted together, each of them once.",
            before="counts[facet, hour, value, level] += number",
            after="counts[facet, hour, value, level] += 1",
            tests="test_ingest.py::test_any_order_in_any_batches_says_the_same",
        ),
    ),
    "synclogs.ingestion.upserts": (
        Mutant(
            "a late entry never turns a newer state back",
            "The later event wins and not the later arrival.",
            before='wins = f"kept.{at} IS NULL OR',
            after='wins = f"true OR',
            tests="test_ingest.py::test_a_late_entry_never_turns_a_newer_state_back",
        ),
        Mutant(
            "of one instant in two batches the start comes first",
            "A start that arrives after the end of its instant does not open the run again.",
            before="{side}.status_at, {side}.status <> 'ACTIVE', {side}.status_key",
            after="{side}.status_at, {side}.status_key",
            tests="test_state_ties.py::test_at_one_instant_a_run_starts_before_it_ends",
        ),
        Mutant(
            "of two ends of one instant always the same wins",
            "Where times and steps are equal the order of arrival decides nothing.",
            before="{side}.status <> 'ACTIVE', {side}.status_key",
            after="{side}.status <> 'ACTIVE'",
            tests="test_state_ties.py::test_of_two_ends_of_one_instant_the_same_one_wins_however_they_come",
        ),
        Mutant(
            "since when: at the instant of the other state",
            "A late entry of the instant of the last other state may be the first of this one.",
            before="WHEN EXCLUDED.status_at < kept.status_before_at THEN kept.status_since",
            after="WHEN EXCLUDED.status_at <= kept.status_before_at THEN kept.status_since",
            tests="test_state_ties.py::test_since_when_at_its_borders",
        ),
        Mutant(
            "since when: another state at its first instant",
            "Another state of the instant since which this one held breaks it.",
            before="WHEN EXCLUDED.status_at < kept.status_since AND EXCLUDED.status <> kept.status THEN",
            after="WHEN EXCLUDED.status_at <= kept.status_since AND EXCLUDED.status <> kept.status THEN",
            tests="test_state_ties.py::test_since_when_at_its_borders",
        ),
    ),
    "synclogs.overview.freshness": (
        Mutant(
            "a clock that is ahead hides no silence",
            "A stamp later than its arrival counts as its arrival.",
            before="return min(found, now)",
            after="return found",
            tests="test_overview.py::test_an_entry_a_little_ahead_counts_as_of_now",
        ),
    ),
    "synclogs.health": (
        Mutant(
            "three gaps make a cadence",
            "Of fewer nothing is known.",
            before="CADENCE_GAPS = 3",
            after="CADENCE_GAPS = 2",
            tests="test_cadence.py::test_three_gaps_are_needed_and_what_is_not_known_any_more_is_forgotten",
        ),
    ),
    "synclogs.storage.partitions": (
        Mutant(
            "a day leaves when its last moment is too old",
            "The first day that is kept stays whole.",
            before="if day < before.date()",
            after="if day <= before.date()",
            tests="test_partitions.py::test_a_day_is_due_when_its_last_moment_is_older_than_the_retention",
        ),
        Mutant(
            "a day is a day of UTC",
            "Partitions begin at midnight in UTC, whatever zone the database's session has.",
            before='sql.Literal(f"{day} 00:00+00")',
            after='sql.Literal(f"{day} 00:00+01")',
            tests="test_partitions.py::test_a_day_begins_and_ends_at_midnight_in_utc_whatever_zone_the_session_has",
        ),
    ),
    "synclogs.ingestion.maintenance": (
        Mutant(
            "the first moment that is kept stays",
            "Rows of that very moment are not purged.",
            before="AND {column} < %s LIMIT",
            after="AND {column} <= %s LIMIT",
            tests="test_partitions.py::test_the_first_moment_that_is_kept_stays_and_the_one_before_it_leaves",
        ),
        Mutant(
            "hour counts leave with their entries",
            "The count of the first hour that is kept stays.",
            before="filter(hour__lt=before)",
            after="filter(hour__lte=before)",
            tests="test_partitions.py::test_the_first_moment_that_is_kept_stays_and_the_one_before_it_leaves",
        ),
        Mutant(
            "minute counts leave with their entries",
            "The count of the first minute that is kept stays.",
            before="filter(minute__lt=before)",
            after="filter(minute__lte=before)",
            tests="test_partitions.py::test_the_first_moment_that_is_kept_stays_and_the_one_before_it_leaves",
        ),
        Mutant(
            "a day that one project keeps stays",
            "A partition is dropped when no project keeps its day.",
            before="before = min(oldest.values(),",
            after="before = max(oldest.values(),",
            tests="test_partitions.py::test_each_project_keeps_what_it_says_and_no_day_longer_than_any",
        ),
    ),
}
