"""The command line `daredevil`: one file per group of commands, each importing what it needs when it runs."""

from infra.cli.app import main

__all__ = ["main"]
