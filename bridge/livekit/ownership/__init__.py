"""Which bridge has which room, and what happens when it dies."""
