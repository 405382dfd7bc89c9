"""What outlives a conversation: past exchanges, cached answers, and who is in which session."""
