"""What stands between the network and the doors: connections, frames, and who is at the other end."""
