"""What the listener is played and has heard: decisions alone, without I/O."""
