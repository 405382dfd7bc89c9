"""The tape: what an actor took in, in the order it took it in, so that its decisions can be run again.

Facts alone cannot be run again: when a result came, what an engine was asked, what the client had played are inputs
too. An actor's code sees the world only through deliveries; live, each is written down at the moment it is handed to
the code, and a replay hands the same deliveries over in the same order.
"""
