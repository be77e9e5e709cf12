"""Search box: what a pasted text names, and the objects found by it."""
