"""Mutants of the way in: what is read, refused, counted as a duplicate; whose key it was and how often it may come."""

from collections.abc import Mapping

from tests.mutants.mutant import Mutant

MUTANTS: Mapping[str, tuple[Mutant, ...]] = {
    "synclogs.ingestion.ingest": (
        Mutant(
            "identity is id and moment to the microsecond",
            "The same id a microsecond later is another entry.",
            before='f"{project_id} {occurred_us} {entry_id}"',
            after='f"{project_id} {entry_id}"',
            tests="test_ingest.py::test_the_same_id_at_another_time_is_another_entry",
        ),
        Mutant(
            "the sending key is no part of an entry",
            "A resend with another key is a duplicate and no conflict.",
            before='"received_at", "sent_by", "category"}',
            after='"received_at", "category"}',
            tests="test_ingest.py::test_which_key_sent_an_entry_is_no_part_of_it",
        ),
        Mutant(
            "other content under one identity is a conflict",
            "What no column holds is compared too; the first stays and the second is told so.",
            before="COMPARED = [name for name in COLUMNS if name not in ADDED_COLUMNS]",
            after='COMPARED = [name for name in COLUMNS if name not in ADDED_COLUMNS | {"detail"}]',
            tests="test_ingest.py::test_any_difference_is_a_conflict",
        ),
        Mutant(
            "conflicts within a batch are told",
            "Two entries of one identity and other content in one batch: the second is refused.",
            before="if first is not record and astuple(first)[1:] != astuple(record)[1:]:",
            after="if False:",
            tests="test_ingest.py::test_conflicts_with_the_store_and_within_a_batch",
        ),
        Mutant(
            "duplicates change no projection",
            "What was there already is counted nowhere a second time.",
            before="fresh = {key: batch.keyed[key] for (key,) in inserted.fetchall()}",
            after="fresh = dict(batch.keyed)",
            tests="test_ingest.py::test_a_resend_changes_nothing_anywhere",
        ),
        Mutant(
            "the oldest accepted moment is accepted",
            "An entry of the very moment that the retention reaches back to is taken.",
            before="if record.occurred_us < oldest_us]",
            after="if record.occurred_us <= oldest_us]",
            tests="test_ingest.py::test_what_is_accepted_outlives_the_next_rounds_of_retention",
        ),
    ),
    "synclogs.parsing.limits": (
        Mutant(
            "400 days back at most",
            "No project takes in what is older, whatever it keeps.",
            before="past_days: int = 400",
            after="past_days: int = 401",
            tests="test_ingest.py::test_no_entry_is_older_than_the_limit_whatever_its_project_keeps",
        ),
    ),
    "synclogs.parsing.fields": (
        Mutant(
            "24 hours ahead are accepted to the microsecond",
            "The limit itself is accepted.",
            before="if found > newest_us:",
            after="if found >= newest_us:",
            tests="test_records.py::test_accepted",
        ),
        Mutant(
            "no identifier without a character that is seen",
            "An identifier of blanks alone cannot be told from another, nor typed.",
            before="return value if not value.isspace() else _unseen(name, value)",
            after="return value",
            tests="test_records.py::test_refused",
        ),
    ),
    "synclogs.parsing.records": (
        Mutant(
            "one entry over the limit is refused",
            "10 000 entries a request are read, 10 001 are refused.",
            before="if index == LIMITS.entries:",
            after="if index > LIMITS.entries:",
            tests="test_records.py::test_most_entries",
        ),
    ),
    "synclogs.parsing.decoding": (
        Mutant(
            "NaN is no number",
            "NaN and Infinity are refused, since no JSON and no database column has them.",
            before='return self._number_fault(Code.NOT_A_NUMBER, text, "is no JSON number")',
            after="return float(text)",
            tests="test_decoding.py::test_beyond_a_limit_is_refused_and_its_neighbours_live",
        ),
        Mutant(
            "a repeated key is refused",
            "Which of the two was meant nobody knows.",
            before="if len(values) != len(pairs):",
            after="if False:",
            tests="test_decoding.py::test_beyond_a_limit_is_refused_and_its_neighbours_live",
        ),
        Mutant(
            "NUL never reaches the database",
            "In free text NUL becomes U+FFFD.",
            before=r'_UNSAFE = re.compile("[\x00\ud800-\udfff]")',
            after=r'_UNSAFE = re.compile("[\ud800-\udfff]")',
            tests="test_records.py::test_free_text_is_cleaned_and_counted_once_an_entry",
        ),
        Mutant(
            "an entry as large as the limit is accepted",
            "256 KiB are accepted, a byte more is refused.",
            before="size > LIMITS.entry_bytes:",
            after="size >= LIMITS.entry_bytes:",
            tests="test_decoding.py::test_limit_itself_is_accepted",
        ),
        Mutant(
            "depth is counted from the entry itself",
            "32 objects and arrays inside each other are accepted, 33 refused.",
            before="if _deeper(value, LIMITS.depth):",
            after="if _deeper(value, LIMITS.depth + 1):",
            tests="test_decoding.py::test_beyond_a_limit_is_refused_and_its_neighbours_live",
        ),
    ),
    "synclogs.parsing.compression": (
        Mutant(
            "inflating stops at the limit",
            "A body that inflates to more than 20 MiB is refused while it inflates.",
            before="if size > limit:",
            after="if size > limit + 1:",
            tests="test_ingest_api.py::test_the_inflated_limit_is_exact",
        ),
        Mutant(
            "gzip that is cut off is refused",
            "A member that does not end is no body, and nothing of it is stored.",
            before='raise Unreadable(Code.BAD_GZIP, "The gzip data is cut off.")',
            after='return b"".join(parts)',
            tests="test_ingest_api.py::test_damaged_gzip_is_400",
        ),
    ),
    "synclogs.access.rate_limit": (
        Mutant(
            "a key's burst is one minute's worth",
            "What may be spent at once is the rate of a minute, to the second.",
            before="<= statement_timestamp() + interval '60 seconds'",
            after="<= statement_timestamp() + interval '61 seconds'",
            tests="test_keys.py::test_a_burst_is_one_minutes_worth_to_the_second",
        ),
        Mutant(
            "a refused request costs nothing",
            "Only what is allowed moves the allowance: whoever comes back in time is let in.",
            before="WHERE GREATEST(bucket.full_at, statement_timestamp())",
            after="WHERE true OR GREATEST(bucket.full_at, statement_timestamp())",
            tests="test_keys.py::test_refusals_cost_nothing test_keys.py::test_the_allowance_counts_down_and_refuses",
        ),
    ),
    "synclogs.access.keys": (
        Mutant(
            "a wrong secret opens nothing",
            "Knowing a key's public half and the way to make a checksum is not enough.",
            before="if not hmac.compare_digest(bytes(key.secret_hash), _digest(secret)):\n        return None\n    if scope",
            after="if scope",
            tests="test_keys.py::test_a_wrong_secret_with_a_right_checksum_is_not_enough",
        ),
    ),
    "portal.api.keys": (
        Mutant(
            "a key does what its scopes say",
            "A key that may read does not write.",
            before="if scope not in key.scopes:",
            after="if False:",
            tests="test_ingest_api.py::test_reading_keys_may_not_write",
        ),
    ),
    "synclogs.models.project": (
        Mutant(
            "a key has expired at its moment",
            "From the very moment of its expiry on a key opens nothing.",
            before="exclude(expires_at__lte=now)",
            after="exclude(expires_at__lt=now)",
            tests="test_keys.py::test_revoked_and_expired_keys_are_not_recognised",
        ),
        Mutant(
            "a revoked key opens nothing",
            "From the next request on, in every process.",
            before="return self.filter(revoked_at=None).exclude(",
            after="return self.exclude(",
            tests="test_ingest_api.py::test_revoked_and_expired_keys_stop_at_once",
        ),
        Mutant(
            "rows of a project are that project's alone",
            "Every reading begins with a project, and finds nothing of another.",
            before="return self.filter(project=project)",
            after="return self.all()",
            tests="test_search.py::test_another_project_is_never_searched",
        ),
        Mutant(
            "what was just accepted is kept for a day",
            "Retention deletes whole days, a day later than entries are refused.",
            before=".date() - timedelta(days=1), time(), UTC)",
            after=".date(), time(), UTC)",
            tests="test_ingest.py::test_what_is_accepted_outlives_the_next_rounds_of_retention",
        ),
    ),
}
