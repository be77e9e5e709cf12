"""What is answered where something went wrong: a problem document for machines, a page for people."""
