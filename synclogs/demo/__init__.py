"""Demo data: generated log entries and a simulated provider, also for tests and benchmarks."""
