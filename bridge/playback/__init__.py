"""What is played to the listener and what they have heard: decisions only, without I/O."""
