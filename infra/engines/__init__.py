"""Speech and language engines behind the interfaces of `livekit.agents` and LangChain."""

import os

# ONNX Runtime, which several of them use, reports to its maker what it runs, and on which machine, unless this is there
# when it is imported. Whoever wants that sets it to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
