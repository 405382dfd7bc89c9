"""Benchmarks: how long the caller waits, what the log adds, what an idle system costs."""
