"""A real MCP server for tests: `python calendar_server.py` speaks MCP on its standard input and output."""

import os
import time

from mcp.server.fastmcp import FastMCP

server = FastMCP("calendar")


@server.tool()
def list_events(day: str) -> str:
    """List the events of a day."""
    if day == "never":
        raise ValueError("there is no such day")
    return f"nothing on {day}"


@server.tool()
def add_event(day: str, what: str) -> str:
    """Add an event to a day."""
    return f"{what} on {day}"


@server.tool()
def slow(seconds: float) -> str:
    """Take time, and say which process did."""
    time.sleep(seconds)
    return str(os.getpid())


@server.tool()
def die() -> str:
    """End at once."""
    os._exit(1)


if __name__ == "__main__":
    server.run()
