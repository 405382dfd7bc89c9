"""The agent's own sound in a caller's microphone: found, taken away, and never taken for speech."""
