"""What several readers make of a session: who is in it, what was heard, its recording, the list of sessions."""
