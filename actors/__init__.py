"""The actors: each is a package with a FastStream `app`, and none imports another."""
