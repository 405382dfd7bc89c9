"""A Pulsar of our own for development, tests and benchmarks; `README.md` here says what it is made of."""
