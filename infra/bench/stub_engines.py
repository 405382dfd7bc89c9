"""Stub engines, for measuring everything else: they answer at once, and always the same.

`DAREDEVIL_STT=infra.bench.stub_engines:StubSTT`, `DAREDEVIL_TTS=infra.bench.stub_engines:StubTTS`,
`DAREDEVIL_END_OF_TURN=infra.bench.stub_engines:StubTurnDetector`, and
`python -m infra.bench.stub_engines --port N` as the local language model's server.
"""

import argparse
import json
import uuid
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from aiohttp import web
from livekit import rtc
from livekit.agents import APIConnectOptions, stt, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr
from livekit.agents.utils import AudioBuffer

HEARD = "Could you tell me something about it, please?"
ANSWER = "There is a lot to say about that, so let me begin with what matters most. Then we can go on from there."
VOICE_RATE_HZ = 24_000
LETTER_S = 0.06


class StubSTT(stt.STT[Any]):
    """Recognises the same words, whatever is said."""

    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))

    async def _recognize_impl(
        self, buffer: AudioBuffer, *, language: NotGivenOr[str] = NOT_GIVEN, conn_options: APIConnectOptions
    ) -> stt.SpeechEvent:
        data = stt.SpeechData(language="en", text=HEARD)  # type: ignore[arg-type]  # converted to a LanguageCode
        return stt.SpeechEvent(stt.SpeechEventType.FINAL_TRANSCRIPT, uuid.uuid4().hex, [data])


@dataclass(frozen=True, slots=True)
class StubOpinion:
    """The opinion that the turn has ended."""

    end_of_turn_probability: float = 1.0


class StubTurnDetector:
    """Treats every pause as the end of the turn, with the interface of `livekit.agents`' detector."""

    def stream(self) -> "StubTurnDetector":
        """Return the detector of one track."""
        return self

    def flush(self) -> None:
        """Do nothing: no sound is kept."""

    def push_audio(self, frame: rtc.AudioFrame) -> None:
        """Take sound."""

    async def predict(self) -> "StubOpinion":
        """Return the opinion."""
        return StubOpinion()

    async def aclose(self) -> None:
        """Do nothing: there is nothing to close."""


class StubTTS(tts.TTS[Any]):
    """Hums for as long as the text is."""

    def __init__(self) -> None:
        capabilities = tts.TTSCapabilities(streaming=False)
        super().__init__(capabilities=capabilities, sample_rate=VOICE_RATE_HZ, num_channels=1)

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        """Return the hum for a clause."""
        return _Hum(tts=self, input_text=text, conn_options=conn_options)


class _Hum(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id=f"hum-{id(self):x}", sample_rate=VOICE_RATE_HZ, num_channels=1, mime_type="audio/pcm"
        )
        output_emitter.push(hum(len(self._input_text) * LETTER_S))


@lru_cache(64)
def hum(seconds: float) -> bytes:
    """Return a low tone as int16 PCM."""
    at_s = np.arange(round(seconds * VOICE_RATE_HZ)) / VOICE_RATE_HZ
    return bytes((6000 * np.sin(2 * np.pi * 160 * at_s)).astype("<i2").tobytes())


_ANSWER = web.AppKey("answer", str)


async def complete(request: web.Request) -> web.StreamResponse:
    """Answer a chat completion, streamed or whole, in OpenAI's protocol."""
    asked, answer = await request.json(), request.app[_ANSWER]
    if not asked.get("stream"):
        message = {"role": "assistant", "content": answer}
        return web.json_response(_completion("chat.completion", {"message": message, "finish_reason": "stop"}))
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for word in answer.split():
        await response.write(_event({"delta": {"role": "assistant", "content": f"{word} "}, "finish_reason": None}))
    await response.write(_event({"delta": {}, "finish_reason": "stop"}))
    await response.write(b"data: [DONE]\n\n")
    return response


async def health(_request: web.Request) -> web.Response:
    """Say that the model can answer, as the server of the local one does."""
    return web.json_response({"status": "ok"})


def _completion(kind: str, choice: dict[str, Any]) -> dict[str, Any]:
    return {"id": "stub", "object": kind, "created": 0, "model": "stub", "choices": [{"index": 0, **choice}]}


def _event(choice: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(_completion('chat.completion.chunk', choice))}\n\n".encode()


def llm_server(answer: str = ANSWER) -> web.Application:
    """Return the server of a language model that always says the same."""
    app = web.Application()
    app[_ANSWER] = answer
    app.router.add_get("/health", health)
    app.router.add_post("/v1/chat/completions", complete)
    return app


def main() -> None:
    """Serve on a port of loopback until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--answer", default=ANSWER, help="what the language model says")
    told = parser.parse_args()
    web.run_app(llm_server(told.answer), host="127.0.0.1", port=told.port, print=lambda *_: None)


if __name__ == "__main__":
    main()
