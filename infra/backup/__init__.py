"""Copies of the log, recordings and tapes in a folder or an object store, and the way back (docs/backup.md)."""
