"""The search box: from a pasted text to what it names, and to what carries that name."""
