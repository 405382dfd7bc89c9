"""Servers that start without Docker: NATS and the local language model."""
