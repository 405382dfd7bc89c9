"""Speak a WAV file to the agent and keep its answer: `python docs/examples/ws_speak.py URL hello.wav answer.wav`."""

import asyncio
import json
import sys
import wave

from websockets.asyncio.client import ClientConnection, connect


async def speak(url: str, question: str, answer: str) -> str:
    """Send the sound (16-bit mono) as a microphone would, save what is answered to it; return the words heard."""
    with wave.open(question) as file:
        rate_hz, pcm = file.getframerate(), file.readframes(file.getnframes())
    async with connect(url, max_size=None) as socket:
        await socket.send(json.dumps({"type": "hello", "sample_rate_hz": rate_hz}))
        microphone = asyncio.create_task(_send(socket, pcm, rate_hz // 50 * 2))
        with wave.open(answer, "wb") as file:
            file.setparams((1, 2, json.loads(await socket.recv())["sample_rate_hz"], 0, "NONE", ""))
            async for data in socket:
                match json.loads(data) if isinstance(data, str) else data:
                    case bytes(sound):
                        file.writeframes(sound)
                    case {"type": "reply_end", "reply_id": reply_id, "samples": n}:  # there is no loudspeaker
                        heard = {"type": "played", "reply_id": reply_id, "samples": n, "started": True, "ended": True}
                        await socket.send(json.dumps(heard))
                    case {"type": "fact", "name": "PlaybackFinished", "data": fact}:
                        microphone.cancel()
                        await socket.send('{"type": "hangup"}')
    return str(fact["heard_text"])


async def _send(socket: ClientConnection, pcm: bytes, frame: int) -> None:
    for at in range(0, 60 * 60 * 50 * frame, frame):  # silence after it, as of a microphone that stays open
        await socket.send(pcm[at : at + frame].ljust(frame, b"\0"))
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    print(asyncio.run(speak(*sys.argv[1:])))
