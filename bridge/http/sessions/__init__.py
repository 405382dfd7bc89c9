"""Reading sessions: what was said in them, their events, their recordings."""
