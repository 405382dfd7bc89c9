"""A GET of a server on this machine, with asyncio alone."""

import asyncio


async def http_status(url: str, timeout_s: float = 2) -> int | None:
    """Return the status of the response to a GET of a plain-HTTP `url`, None without a response."""
    host_port, _, path = url.removeprefix("http://").partition("/")
    host, _, port = host_port.rpartition(":")
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            try:
                writer.write(f"GET /{path} HTTP/1.0\r\nHost: {host_port}\r\n\r\n".encode())
                await writer.drain()
                status = (await reader.readline()).split()
                return int(status[1]) if len(status) > 1 else None
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return None
