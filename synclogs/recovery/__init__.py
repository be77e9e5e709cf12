"""Recovery of syncs: evidence, candidates, single and bulk re-enables, and their outcomes."""
