"""Mutants of rules that hold today and that the next issues touch (10 to 15): evidence, thresholds, causes, hints, words."""

from collections.abc import Mapping

from tests.mutants.mutant import Mutant

MUTANTS: Mapping[str, tuple[Mutant, ...]] = {
    "synclogs.recovery.checks": (
        Mutant(
            "a broken account outweighs what others suggest",
            "While the provider says that the account is not valid, no sign elsewhere counts.",
            before="return (Sign.RESOLVED,) if credential in BROKEN else tuple(Sign)",
            after="return tuple(Sign)",
            tests="test_evidence.py::test_an_account_that_is_not_valid_outweighs_what_others_suggest_but_not_what_a_person_says",
        ),
    ),
    "synclogs.recovery.evidence": (
        Mutant(
            "the same error is that of the same event",
            "Others' recovery from another event with the same code shows nothing.",
            before='same = {"last_error_event": sync.last_error_event, "last_error_code": sync.last_error_code}',
            after='same = {"last_error_code": sync.last_error_code}',
            tests="test_evidence.py::test_the_same_error_is_over_for_other_customers",
        ),
    ),
    "synclogs.ingestion.cadence": (
        Mutant(
            "permission runs teach no cadence",
            "The usual gap is that of data runs.",
            before='"types": ["", ',
            after='"types": ["", "PERMISSION", ',
            tests="test_cadence.py::test_runs_beside_the_data_teach_nothing",
        ),
    ),
    "synclogs.recovery.watch": (
        Mutant(
            "permission runs are no sign of recovery",
            "They run beside the sync and say nothing of its data as a whole.",
            before="(e.sync_type = ANY(%(side_runs)s) OR {_named('aside')})",
            after="(e.sync_type = ANY(%(side_runs)s) AND FALSE)",
            tests="test_watch.py::test_what_entries_say",
        ),
    ),
    "synclogs.health": (
        Mutant(
            "stuck is an hour and five usual durations",
            "The longer of the two has to pass.",
            before="return max(STUCK_AFTER, believed",
            after="return min(STUCK_AFTER, believed",
            tests="test_explain.py::test_stuck",
        ),
        Mutant(
            "silent is twice the usual gap",
            "Exactly twice is not yet silent.",
            before="return now - sync.last_seen_at > rest_patience(sync.cadence_seconds)",
            after="return now - sync.last_seen_at >= rest_patience(sync.cadence_seconds)",
            tests="test_explain.py::test_silent_after_twice_the_cadence",
        ),
        Mutant(
            "silent: the list goes by the numbers of the sentence",
            "Ten minutes at least, however short the usual gap is.",
            before='f"GREATEST({_interval(SILENT_AT_LEAST)}, {{cadence_seconds}}',
            after='f"LEAST({_interval(SILENT_AT_LEAST)}, {{cadence_seconds}}',
            tests="test_health_rules.py::test_both_forms_of_each_rule_say_the_same",
        ),
    ),
    "synclogs.catalogue.causes": (
        Mutant(
            "the code of an error comes before its status",
            "A code that is known says more than the HTTP status beside it.",
            before="found = ERROR_CODES.get(code) or _by_http(http_status) or",
            after="found = _by_http(http_status) or ERROR_CODES.get(code) or",
            tests="test_catalogue.py::test_error_code",
        ),
        Mutant(
            "a root that is gone is not cured by re-enabling",
            "10007: the sync has to be made anew.",
            before='"10007": _ROOT_GONE,',
            after='"10007": _GONE,',
            tests="test_catalogue.py::test_error_code",
        ),
    ),
    "synclogs.ingestion.projections": (
        Mutant(
            "the state as sent comes before what an event implies",
            "An event only fills what the entry does not say.",
            before='return record.status or (event(record.event).status if record.sync_id else "")',
            after='return (event(record.event).status if record.sync_id else "") or record.status',
            tests="test_ingest.py::test_the_state_as_sent_comes_before_what_its_event_implies",
        ),
    ),
    "synclogs.query.advice": (
        Mutant(
            "an unknown parameter names the nearest",
            "A mistyped name is an error with a hint and never everything.",
            before='return f" Did you mean {near}?" if near else ""',
            after='return ""',
            tests="test_logs_page.py::test_an_unknown_parameter_is_a_400_with_the_nearest_name",
        ),
    ),
    "synclogs.parsing.fields": (
        Mutant(
            "an alias is read where its field is empty",
            "The canonical name wins, and the alias stays in the payload.",
            before='if aliases and (value is None or value == ""):',
            after="if aliases and aliases[0] in values:",
            tests="test_records.py::test_canonical_names_win_and_aliases_stay",
        ),
    ),
    "synclogs.parsing.search_words": (
        Mutant(
            "the number of a word holds its project",
            "A search of one project never meets the entries of another in the index.",
            before='sha256(f"{project_id} {word}".encode())',
            after='sha256(f"{word}".encode())',
            tests="test_tokens.py::test_projects_do_not_share_numbers",
        ),
    ),
    "synclogs.ingestion.ingest": (
        Mutant(
            "a line of COPY is one line",
            "A tab or line break in a text ends neither its column nor its row.",
            before=r""".replace("\t", "\\t")""",
            after="",
            tests="test_ingest.py::test_every_column_comes_back",
        ),
    ),
}
