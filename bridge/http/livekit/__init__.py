"""What LiveKit asks of the HTTP door: tokens for its rooms, and its webhooks."""
