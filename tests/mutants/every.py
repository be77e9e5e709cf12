"""All mutants, by the module that they change: a module that moves is renamed once in each of these files."""

from itertools import chain

from tests.mutants import doors, intake, later, reading, recovery, state
from tests.mutants.mutant import Mutant

MUTANTS: list[tuple[str, Mutant]] = [
    (module, mutant)
    for module, mutants in chain.from_iterable(
        file.MUTANTS.items() for file in (intake, state, recovery, reading, doors, later)
    )
    for mutant in mutants
]
