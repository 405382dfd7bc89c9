"""LiveKit rooms from outside: where the server is, tokens to join, whether it can be reached, how to host it."""
