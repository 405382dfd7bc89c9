"""What several readers derive from a session: who is in it, what was heard, its recording, the list of sessions."""
