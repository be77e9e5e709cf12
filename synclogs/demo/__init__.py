"""A made-up world for the demo, the tests and the benchmarks: generated entries and a simulated provider."""
