"""Conversations by text."""
