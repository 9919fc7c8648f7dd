"""The benchmark: `python -m tests.bench`. What it measures, and how, is told in docs/benchmark.md."""
