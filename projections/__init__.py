"""Copies of the log in other forms: tables and topics. Each can be dropped and rebuilt from the log.

A new projection is a package and a row here, or in a package of its own that DAREDEVIL_PROJECTIONS names.
"""

from projections.postgres.row import POSTGRES
from projections.pulsar.row import PULSAR

ROWS = (POSTGRES, PULSAR)
"""Our own projections, as `infra.projection` reads them."""
