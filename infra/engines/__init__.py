"""Speech and language engines behind the interfaces of `livekit.agents` and LangChain."""
