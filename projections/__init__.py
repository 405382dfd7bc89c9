"""Copies of the log in other shapes: tables and topics. Each can be dropped and made again from the log."""
