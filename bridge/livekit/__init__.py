"""The LiveKit door: people in rooms of a LiveKit server talk with the agent."""
