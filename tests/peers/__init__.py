"""The gap of other voice-agent frameworks beside ours: same calls, engines, prompt and machine (`make bench-peers`)."""
