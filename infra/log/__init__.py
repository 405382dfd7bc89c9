"""The event log on NATS: append, read, follow, handle as an actor, dead letters."""
