"""The front doors: people on one side, the log and the sound on the other.

`faststream run bridge.websocket:app` runs the page and its WebSocket.
"""
