"""The status that a web server answers with, with asyncio alone."""

import asyncio
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


async def http_status(url: str, timeout_s: float = 2) -> int | None:
    """Return the status of the response to a GET of an `http` or `https` URL, None without a response."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=parts.scheme == "https" or None)
            try:
                writer.write(f"GET {parts.path or '/'} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode())
                await writer.drain()
                status = (await reader.readline()).split()
                return int(status[1]) if len(status) > 1 else None
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError, KeyError):
        return None
