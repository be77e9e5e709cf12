"""What has to be true of something once it was added to the product: run by tests/test_cost.py in a copy that has it."""
