"""Mutants of the re-enable: its gate, its lock, its one call, what comes of it, bulks, and whose syncs they are."""

from collections.abc import Mapping

from tests.mutants.mutant import Mutant

MUTANTS: Mapping[str, tuple[Mutant, ...]] = {
    "synclogs.recovery.reenable": (
        Mutant(
            "a newer error takes back what the provider said",
            "Under the lock a word about the cause holds for the error that it was said of.",
            before="if locked.last_error_key != sync.last_error_key:",
            after="if False:",
            tests="test_reenable.py::test_a_newer_error_takes_back_what_the_provider_said",
        ),
        Mutant(
            "the sync is locked before it is judged",
            "What another transaction is about to say of the sync is waited for.",
            before="Sync.objects.select_for_update(no_key=True).get(pk=sync.pk)",
            after="Sync.objects.get(pk=sync.pk)",
            tests="test_reenable.py::test_what_is_being_written_about_the_sync_is_waited_for",
        ),
        Mutant(
            "the checks are made again under the lock",
            "What was judged before is judged once more, but for the provider's word.",
            before="found = _again(found, locked, sync,",
            after="_again(found, locked, sync,",
            tests="test_reenable.py::test_the_checks_are_made_again_under_the_lock",
        ),
        Mutant(
            "an attempt is sent once",
            "Of several workers the one that writes the moment of sending sends.",
            before="if not mine.update(sent_at=now):\n            return",
            after="mine.update(sent_at=now)",
            tests="test_reenable.py::test_a_worker_that_comes_second_sends_nothing",
        ),
        Mutant(
            "too late is too late",
            "What was not sent within ten minutes never is.",
            before="sent_at=None, expires_at__gt=now)",
            after="sent_at=None)",
            tests="test_reenable.py::test_too_late_is_too_late",
        ),
        Mutant(
            "no answer is not no",
            "A call that may have been carried out is never taken for refused.",
            before="return State.UNKNOWN, _failure(error)",
            after="return State.REFUSED, _failure(error)",
            tests="test_reenable.py::test_done_but_not_said",
        ),
        Mutant(
            "against the evidence only a lead",
            "An operator may not override a check.",
            before="allow(actor, Role.LEAD if override else Role.OPERATOR)",
            after="allow(actor, Role.OPERATOR)",
            tests="test_reenable.py::test_the_role_has_to_reach",
        ),
    ),
    "synclogs.catalogue.recovery": (
        Mutant(
            "only what may be overridden is",
            "An override does not open what no role may open.",
            before="return all(override and check.can_override for check in self.failed)",
            after="return all(override or check.can_override for check in self.failed)",
            tests="test_reenable.py::test_what_stands_in_the_way_is_told",
        ),
    ),
    "synclogs.recovery.evidence": (
        Mutant(
            "a minute between two attempts",
            "A minute after the last one ended another may be made, and not sooner.",
            before='{"is_cooling": ended > now - COOLDOWN}',
            after='{"is_cooling": ended > now}',
            tests="test_evidence.py::test_a_minute_between_two_attempts",
        ),
    ),
    "synclogs.recovery.checks": (
        Mutant(
            "three in a week are flapping",
            "The third attempt of a week is the last that nobody has to judge.",
            before="lambda found: found.attempts < FLAPPING,",
            after="lambda found: found.attempts <= FLAPPING,",
            tests="test_evidence.py::test_three_in_a_week_are_flapping",
        ),
        Mutant(
            "the second customer counts where the first is the same",
            "The last to recover may be the same customer; then somebody else before them shows it.",
            before="CASE recovered.user_id WHEN wanted.user_id THEN recovered.next_at",
            after="CASE recovered.user_id WHEN wanted.user_id THEN NULL",
            tests="test_evidence.py::test_the_second_customer_counts_where_the_last_to_recover_is_the_same",
        ),
    ),
    "synclogs.recovery.candidates": (
        Mutant(
            "nothing of another project shows that a cause is gone",
            "Other projects' syncs are no evidence.",
            before="FROM synclogs_sync WHERE project_id = %(project)s AND last_completed_at > last_error_at",
            after="FROM synclogs_sync WHERE last_completed_at > last_error_at",
            tests="test_evidence.py::test_one_sync_and_many_are_judged_alike",
        ),
    ),
    "synclogs.recovery.ownership": (
        Mutant(
            "the provider's syncs belong to one project",
            "Where several projects are and none is named, nobody may act.",
            before="or (not found.owners and _is_only(project))",
            after="or not found.owners",
            tests="test_ownership.py::test_one_project_owns_what_the_provider_has",
        ),
    ),
    "synclogs.recovery.watch": (
        Mutant(
            "of an end and an error at once the error counts",
            "A sync that completed and failed at one instant has failed again.",
            before="array_agg(is_error ORDER BY occurred_at, is_error DESC)",
            after="array_agg(is_error ORDER BY occurred_at, is_error)",
            tests="test_watch.py::test_what_entries_say",
        ),
        Mutant(
            "the earlier end decides by event time",
            "Recovered and failed again go by when it happened and not by what came last.",
            before="array_agg(is_error ORDER BY occurred_at, is_error DESC)",
            after="array_agg(is_error ORDER BY occurred_at DESC, is_error DESC)",
            tests="test_watch.py::test_what_entries_say",
        ),
        Mutant(
            "what came before the call is no sign of it",
            "Only entries received after the call left can tell of it.",
            before="AND e.received_at > a.sent_at AND",
            after="AND",
            tests="test_watch.py::test_what_entries_say",
        ),
        Mutant(
            "entries of another project are no sign",
            "The same sync id in another project tells nothing.",
            before="WHERE e.project_id = a.project_id AND e.sync_id",
            after="WHERE e.sync_id",
            tests="test_watch.py::test_another_sync_and_another_project_say_nothing",
        ),
        Mutant(
            "nothing ends in the future",
            "A clock that is ahead makes an attempt end when that is seen, at the latest.",
            before="min(self.ended_at, now)",
            after="self.ended_at",
            tests="test_watch.py::test_what_entries_say",
        ),
    ),
    "synclogs.recovery.bulk": (
        Mutant(
            "a wave waits for the one before it",
            "Nothing more is asked for while it is not known how the canary did.",
            before="if any(found.of_wave.get(name) for name in words.OPEN):",
            after="if False:",
            tests="test_bulk.py::test_two_hundred_whose_canary_fails_stop_after_the_canary"
            " test_bulk.py::test_waves_follow_each_other_until_all_have_had_their_turn",
        ),
        Mutant(
            "more than one in five stops a bulk",
            "One in five does not, two do.",
            before="found.bad * BAD_SHARE > found.wave_planned",
            after="found.bad * BAD_SHARE >= found.wave_planned",
            tests="test_bulk.py::test_a_wave_stops_it_when_more_than_one_in_five_did_not_recover",
        ),
        Mutant(
            "the canary keeps its size",
            "A sync that was skipped shows nothing, so the next takes its place.",
            before="if item.skipped and bulk.wave == 0:",
            after="if False:",
            tests="test_bulk.py::test_a_sync_that_somebody_re_enabled_meanwhile_is_skipped_and_the_canary_keeps_its_size",
        ),
        Mutant(
            "no more a minute than was said",
            "The pace of an integration is a limit, the limit itself included.",
            before="made__gte=bulk.per_minute",
            after="made__gt=bulk.per_minute",
            tests="test_bulk.py::test_an_integration_is_asked_no_more_often_a_minute_than_was_said",
        ),
        Mutant(
            "nobody approves what they asked for",
            "A large bulk needs a second person.",
            before="if actor.user is None or actor.user.pk == held.requested_by_id:",
            after="if actor.user is None:",
            tests="test_bulk.py::test_a_second_person_approves",
        ),
    ),
}
