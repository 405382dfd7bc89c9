"""An MCP server for tests about its process: as it goes without MCP's SDK, it starts twenty times as fast."""

import json
import os
import sys
import time
from typing import Any

Object = dict[str, Any]

SLOW = {"type": "object", "properties": {"seconds": {"type": "number"}}, "required": ["seconds"]}
TOOLS = [
    {"name": "slow", "description": "Take time, and say which process did.", "inputSchema": SLOW},
    {"name": "die", "description": "End at once.", "inputSchema": {"type": "object", "properties": {}}},
]


def result_of(method: str, params: Object) -> Object:
    """Return what is answered to a request."""
    if method == "initialize":
        info = {"name": "bare", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": info}
    if method == "tools/list":
        return {"tools": TOOLS}
    if method == "tools/call":
        if params["name"] == "die":
            os._exit(1)
        time.sleep(params["arguments"]["seconds"])
        return {"content": [{"type": "text", "text": str(os.getpid())}]}
    return {}  # to a ping


if __name__ == "__main__":
    for line in sys.stdin:
        asked = json.loads(line)
        if "id" in asked:  # the others are notifications
            result = result_of(asked["method"], asked.get("params") or {})
            print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
