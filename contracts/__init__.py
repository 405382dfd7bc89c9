"""What actors, doors and projections share: the events, their encoding, and their subjects.

Imports no other package of the project.
"""
