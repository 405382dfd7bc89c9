"""From what the model wrote to what a voice says: one pipeline, used by every engine at the last moment."""
