"""One live session, whatever the door: who is in it, their microphones, its events, and which process owns it."""
