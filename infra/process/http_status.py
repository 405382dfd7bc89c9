"""A GET of a server on this machine, by nothing but asyncio."""

import asyncio


async def http_status(url: str, timeout_s: float = 2) -> int | None:
    """Return the status that a GET of a plain-HTTP `url` is answered with, None if there is no answer."""
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
