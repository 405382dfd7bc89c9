"""What outlives a conversation: past exchanges found again, answers kept for a while, who is where."""
