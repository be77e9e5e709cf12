"""Mutants of reading: what a query means, where a range ends, the order of pages, what a file holds."""

from collections.abc import Mapping

from tests.mutants.mutant import Mutant

MUTANTS: Mapping[str, tuple[Mutant, ...]] = {
    "synclogs.query.language": (
        Mutant(
            "NOT is of the next term alone",
            "NOT a b is (NOT a) AND b.",
            before="return negated(self.term())",
            after="return negated(self.all())",
            tests="test_language.py::test_what_a_query_means",
        ),
        Mutant(
            "AND binds more closely than OR",
            "a OR b c is a OR (b AND c).",
            before='while self.keyword() == "OR":\n            self.take("OR")\n            found.append(self.all())',
            after='while self.keyword() == "OR":\n            self.take("OR")\n            found.append(self.term())',
            tests="test_language.py::test_what_a_query_means",
        ),
    ),
    "synclogs.query.tree": (
        Mutant(
            "an OR within an AND keeps its parentheses",
            "A tree that is written down reads back the same.",
            before='f"({to_text(child)})" if isinstance(child, Or) else to_text(child) for child in children',
            after="to_text(child) for child in children",
            tests="test_language.py::test_a_tree_written_down_reads_back_the_same",
        ),
    ),
    "synclogs.query.conditions": (
        Mutant(
            "a phrase ends where its last word ends",
            "run-1 is not found in run-10.",
            before='after = f"(?!{_LETTER})" if text[-1:].isalnum() and not open_end else ""',
            after='after = ""',
            tests="test_conditions.py::test_a_part_of_a_number_or_name_is_not_the_whole",
        ),
    ),
    "synclogs.query.filters": (
        Mutant(
            "a range holds its first moment",
            "From since on, that moment included.",
            before="filter(occurred_at__gte=self.since)",
            after="filter(occurred_at__gt=self.since)",
            tests="test_read_api.py::test_a_range_holds_its_first_moment_and_not_its_last",
        ),
        Mutant(
            "a range does not hold its end",
            "Until the end, which belongs to the next range.",
            before="filter(occurred_at__lt=self.until)",
            after="filter(occurred_at__lte=self.until)",
            tests="test_read_api.py::test_a_range_holds_its_first_moment_and_not_its_last",
        ),
        Mutant(
            "a negated parameter leaves out",
            "-integration=jira is none of them.",
            before="return ~condition if self.negated else condition",
            after="return condition",
            tests="test_read_api.py::test_repeated_values_are_any_of_and_negated_ones_none_of",
        ),
    ),
    "synclogs.reading.keyset": (
        Mutant(
            "a page begins after the last row of the one before",
            "No entry is on two pages.",
            before='Q(**{f"{column}__lt": moment}) | Q(pk__lt=id)',
            after='Q(**{f"{column}__lt": moment}) | Q(pk__lte=id)',
            tests="test_paging.py::test_slices_give_each_entry_once_in_both_directions",
        ),
        Mutant(
            "entries of one instant are not passed over",
            "The key goes on where the time stands still.",
            before='Q(**{f"{column}__lt": moment}) | Q(pk__lt=id)',
            after='Q(**{f"{column}__lt": moment})',
            tests="test_paging.py::test_slices_give_each_entry_once_in_both_directions"
            " test_export.py::test_however_it_is_cut_into_statements_it_is_the_same",
        ),
    ),
    "synclogs.export.stream": (
        Mutant(
            "a file is of the moment of its start",
            "What arrives later is left out, so that the file is one answer.",
            before=".filter(received_at__lte=received_until)",
            after="",
            tests="test_export.py::test_what_arrives_after_the_start_is_left_out",
        ),
    ),
    "synclogs.export.lifecycle": (
        Mutant(
            "a file that is cut says so, and a whole one does not",
            "Exactly as many as the limit are a whole file.",
            before="progress.is_cut = len(rows) > remaining",
            after="progress.is_cut = len(rows) >= remaining",
            tests="test_export.py::test_the_limit_cuts_at_the_newest_and_says_so",
        ),
    ),
    "synclogs.export.formats": (
        Mutant(
            "no cell is a formula",
            "What a spreadsheet would compute is written as text.",
            before="cell[:1] in RISKY else",
            after='cell[:1] in RISKY - {"="} else',
            tests="test_export.py::test_csv_holds_no_formula_and_loses_nothing",
        ),
    ),
}
