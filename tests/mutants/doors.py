"""Mutants of the doors: who gets in, what strangers are told, what leaves to the provider and what reaches the log."""

from collections.abc import Mapping

from tests.mutants.mutant import Mutant

MUTANTS: Mapping[str, tuple[Mutant, ...]] = {
    "portal.access.projects": (
        Mutant(
            "a role opens what is for it and above",
            "An operator does not open what is for leads.",
            before="if mine < role:",
            after="if mine < min(role, Role.OPERATOR):",
            tests="test_bulk_pages.py::test_only_leads_do_it_and_everybody_sees_it",
        ),
    ),
    "portal.sign_in.rate_limits": (
        Mutant(
            "tries count for the name as well as for the address",
            "A name is refused after its tries, from wherever they come.",
            before="for limit in required:\n        allowance",
            after="for limit in required[:1]:\n        allowance",
            tests="test_sign_in_limits.py::test_a_name_is_refused_after_its_tries_from_wherever_they_come",
        ),
        Mutant(
            "who succeeds is charged nothing",
            "A whole team may sit behind one address.",
            before="rate_limit.refund(limit.subject, per_minute=limit.per_minute)",
            after="pass",
            tests="test_sign_in_limits.py::test_who_succeeds_is_charged_nothing",
        ),
    ),
    "synclogs.access.denials": (
        Mutant(
            "the first refusal of a minute is not counted again",
            "The second row tells of those beyond the first.",
            before="more = denial.count - 1",
            after="more = denial.count",
            tests="test_denials.py::test_a_thousand_failures_in_many_processes_are_two_rows_with_the_number",
        ),
        Mutant(
            "an IPv6 network is one address",
            "Whoever has one address of a /64 has all of them.",
            before="ip_network((found, 64), strict=False)",
            after="ip_network((found, 128), strict=False)",
            tests="test_denials.py::test_who_has_one_address_of_ipv6_has_all_of_its_network",
        ),
    ),
    "portal.access.cross_site": (
        Mutant(
            "a neighbouring site is another site",
            "Only the portal's own pages start something.",
            before='SAME_SITE = ("same-origin", "none")',
            after='SAME_SITE = ("same-origin", "none", "same-site")',
            tests="test_crosssite.py::test_an_export_starts_from_the_portals_own_pages_only",
        ),
    ),
    "portal.log_format": (
        Mutant(
            "a database's words stay out of the log",
            "They quote rows, which hold customers' data.",
            before='startswith(("django.db", "psycopg"))',
            after='startswith("django.db")',
            tests="test_logs_of_ours.py::test_a_databases_words_stay_out_and_the_place_of_the_fault_is_there",
        ),
    ),
    "portal.database.readiness": (
        Mutant(
            "a silent worker is no worker",
            "Without a sign of life for a minute the portal is not ready.",
            before="WORKER_SILENCE = timedelta(minutes=1)",
            after="WORKER_SILENCE = timedelta(hours=2)",
            tests="test_health.py::test_a_worker_that_is_silent_does_not_count",
        ),
        Mutant(
            "every part has to be ready",
            "One that is not is enough.",
            before="return all(self.checks.values())",
            after="return any(self.checks.values())",
            tests="test_health.py::test_not_ready_without_todays_partition",
        ),
    ),
    "synclogs.provider.host_app": (
        Mutant(
            "the signature is over the body",
            "Whoever changes the message is not believed.",
            before="hook.sign(name, now.astimezone(UTC), body.decode())",
            after='hook.sign(name, now.astimezone(UTC), "")',
            tests="test_provider.py::test_the_application_is_asked_by_a_signed_message",
        ),
    ),
    "synclogs.provider.json_client": (
        Mutant(
            "no redirect is followed or believed",
            "Being sent elsewhere is a failure of the call.",
            before="if not 200 <= status < 300:",
            after="if not 200 <= status < 400:",
            tests="test_provider.py::test_each_failure_has_its_class_one_request_and_an_end[redirect]",
        ),
        Mutant(
            "an error never quotes a secret",
            "What the other side repeats of our key is struck out.",
            before='text = text.replace(secret, "[hidden]")',
            after="pass",
            tests="test_provider.py::test_key_and_token_are_never_shown",
        ),
    ),
    "synclogs.provider.breaker": (
        Mutant(
            "five failures in a row open the breaker",
            "After the fifth the other side is left alone.",
            before="if self._failures < self._most:",
            after="if self._failures <= self._most:",
            tests="test_provider.py::test_the_breaker_rests_and_then_lets_one_through",
        ),
        Mutant(
            "after the rest one is let through",
            "A probe is one call and not all that wait.",
            before="# This caller is the probe. The next is let in after another rest, also when nothing is heard of this one.\n"
            "                self._closed_until = self._clock() + self._rest",
            after="pass",
            tests="test_provider.py::test_the_breaker_rests_and_then_lets_one_through",
        ),
    ),
}
