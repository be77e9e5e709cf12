"""Getting a sync going again: evidence, candidates, one re-enable, bulks, and what became of them."""
