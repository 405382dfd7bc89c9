"""What actors, doors and projections share: the events, their bytes, and where they go.

Imports nothing else of ours.
"""
