"""The recording of a session: everybody's sound on one timeline, as it was heard."""
