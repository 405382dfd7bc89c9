"""LiveKit rooms from outside: the server's address, tokens to join, checks of the way to it, how to host it."""
