"""The command line `daredevil`: one file per group of commands, each importing what it needs when it runs."""


def main() -> None:
    """Run the command line."""
    try:
        from infra.cli.interrupt import leave_on_interrupt
        from infra.cli.standard_streams import written_or_reported

        with leave_on_interrupt(), written_or_reported():
            from infra.cli.app import run_command_line

            run_command_line()
    except KeyboardInterrupt:  # before it was in force
        import os

        os.write(2, b"interrupted\n")
        os._exit(130)


__all__ = ["main"]
