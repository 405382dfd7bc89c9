"""Copies of a projection's app to be killed, one after the other: forked, as importing takes longer than living.

For each line on standard input one is started, and its process id printed.
"""

import asyncio
import importlib
import os
import sys

import infra.log.broker  # noqa: F401 (what takes longest to import)


def main() -> None:
    """Start copies of the app that is named until standard input ends."""
    module, _, attribute = sys.argv[1].partition(":")
    package = importlib.import_module(module)
    importlib.import_module(f"{module}.app")
    vars(package).pop(attribute, None)  # the module of that name hides the app
    while sys.stdin.readline():
        pid = os.fork()
        if pid == 0:
            asyncio.run(getattr(package, attribute).run())
            os._exit(0)
        print(pid, flush=True)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
