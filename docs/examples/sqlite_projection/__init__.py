"""Every turn of every conversation as a row of a SQLite file, for questions like "how long did callers wait?".

A projection of our own: switched on by DAREDEVIL_PROJECTIONS=docs.examples.sqlite_projection:SQLITE. The file is
`sqlite/turns.db` in the data directory.
"""

from docs.examples.sqlite_projection.row import SQLITE as SQLITE
from infra.process.app_on_demand import app_made_in

__getattr__ = app_made_in(__name__, "app")
