"""`python -m infra.cli` is the same as `daredevil`."""

from infra.cli import main

main()
