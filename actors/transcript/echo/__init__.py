"""The agent's own sound in a caller's microphone: found, removed, and never mistaken for speech."""
