"""The event log on NATS: append, read, follow, take as an actor, dead letters."""
