"""Logs, traces and metrics of a process: one setup for all of them, and where they are sent."""
