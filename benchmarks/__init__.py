"""Benchmarks, run by hand: each prints a table and writes JSON beside itself."""

import benchmarks.environment  # noqa: F401  here, as it has to come before NumPy
