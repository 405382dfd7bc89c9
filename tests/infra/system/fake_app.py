"""An app that the fork server can run: writes what it sees into a file until it is told to end."""

import asyncio
import os
import signal
from pathlib import Path


class FakeApp:
    async def run(self) -> None:
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        Path(os.environ["FAKE_APP_FILE"]).write_text(f"{os.getpid()} {os.getpgid(0)}")  # noqa: ASYNC240 (a test's tiny file)
        print("hello from the app", flush=True)
        await ended.wait()


app = FakeApp()
