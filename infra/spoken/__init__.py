"""From written text to spoken text: one pipeline, applied by every engine just before synthesis."""
