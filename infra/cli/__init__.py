"""The command line `daredevil`: one file per group of commands, each importing what it needs when it runs."""


def main() -> None:
    """Run the command line."""
    try:
        from infra.cli.interrupt import leave_on_interrupt
        from infra.cli.standard_streams import written_or_reported

        with leave_on_interrupt(), written_or_reported():
            _answer_health_check()
            from infra.cli.app import run_command_line

            run_command_line()
    except KeyboardInterrupt:  # before it was in force
        import os

        os.write(2, b"interrupted\n")
        os._exit(130)


def _answer_health_check() -> None:
    """Answer what a container's health check asks every few seconds, and end, before anything slow is imported."""
    import os
    import sys

    from infra.process.own_probe import simple_health

    if (answer := simple_health(sys.argv[1:], os.environ)) is not None:
        print(answer[0], flush=True)
        sys.exit(answer[1])


__all__ = ["main"]
