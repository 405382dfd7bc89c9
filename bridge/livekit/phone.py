"""What a phone call in a room needs: keys pressed as facts, hang-up and transfer as requests on NATS.

LiveKit sends a telephone's key once: keys are taken from the moment the room is joined, and one that is pressed while
no agent is there is lost. A client that asks by `daredevil.dtmf` keeps its keys until they are stored.

A hang-up takes `{participant_id}` in MessagePack, or nothing to end the whole session; a transfer takes
`{participant_id, to}`, with `to` as `tel:+49…` or `sip:…`. The answer is empty, or `{error: {code, message}}`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic

from livekit import api, rtc
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from bridge.call.call import Call
from bridge.livekit.api import LIVEKIT_ERRORS
from bridge.rate_limit import TokenBucket
from bridge.text_input import ProtocolError
from contracts.answers import Cause, answer
from contracts.events import DTMF_KEYS, DtmfReceived
from contracts.requests import BadRequest, refusal, transfer_request, who_hangs_up
from contracts.topology import hangup_subject, transfer_subject
from infra.livekit.naming import participant_of_identity
from infra.log.connection import lasting
from infra.log.event_log import now_ns

log = logging.getLogger(__name__)

MAX_EARLY_KEYS = 64
KEYS_PER_S, KEYS_BURST = 10, 50


class Refused(ValueError):
    """A request that cannot be done: `code` for programs, the text says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Phone:
    """The phone of one session. `identity_of` returns a person's identity in the room, None if they are not there."""

    def __init__(
        self,
        room: rtc.Room,
        call: Call,
        identity_of: Callable[[str], str | None],
        livekit: Callable[[], api.LiveKitAPI],
    ) -> None:
        self._room = room
        self._call = call
        self._identity_of = identity_of
        self._livekit = livekit
        self._keys = 0
        self._buckets: dict[str, TokenBucket] = {}
        self._early: list[DtmfReceived] | None = []
        """Keys pressed before the session was open."""
        self._open = asyncio.Event()
        self._subscriptions: list[Subscription] = []

    def listen(self) -> None:
        """Start to take keys. Call it before the room is joined; keys wait until the session is open."""
        self._room.on("sip_dtmf_received", self._on_key)

    async def follow(self, nc: Client) -> None:
        """Append the keys that were pressed, and take requests: the session is open. Raises nats errors."""
        early, self._early = self._early or [], None
        for key in early:
            self._call.note(key)
        self._open.set()
        for subject, do in (
            (hangup_subject(self._call.session_id), self._hang_up),
            (transfer_subject(self._call.session_id), self._transfer),
        ):
            self._subscriptions.append(await nc.subscribe(subject, cb=lasting(_answering(do))))

    def _on_key(self, key: rtc.SipDTMF) -> None:
        if key.participant is None or len(key.digit) != 1:
            log.debug("a key of nobody's phone: %r", key)
            return
        if not self._buckets.setdefault(key.participant.identity, TokenBucket(KEYS_PER_S, KEYS_BURST)).take(
            1, monotonic()
        ):
            return  # nobody presses keys that fast, and each is a fact
        self._keys += 1
        at_ns = now_ns()
        cause = f"{self._call.session_id}:{at_ns}"
        pressed = self._pressed(key.participant.identity, key.digit, key.code, cause, self._keys)
        if self._early is None:
            self._call.note(pressed)
        elif len(self._early) < MAX_EARLY_KEYS:
            self._early.append(pressed)

    async def keys_pressed(self, identity: str, digits: str, request_id: str) -> None:
        """Take keys that a client names; return when they are stored: once, however often they are sent.

        Raises ProtocolError, LogUnavailable.
        """
        await self._open.wait()
        participant_id = participant_of_identity(identity)
        if self._identity_of(participant_id) is None:
            raise ProtocolError("unknown-participant", "you are not somebody to talk with in this room")
        cause = f"{self._call.session_id}:{participant_id}:{request_id}"
        keys = [self._pressed(identity, key, DTMF_KEYS.index(key), cause, n) for n, key in enumerate(digits)]
        await self._call.store(keys)

    def _pressed(self, identity: str, digit: str, code: int, cause: str, n: int) -> DtmfReceived:
        return answer(
            Cause(self._call.session_id),
            DtmfReceived,
            time_ns=now_ns(),
            id_from=cause,
            id_n=n,
            participant_id=participant_of_identity(identity),
            digit=digit,
            code=code,
        )

    async def _hang_up(self, body: bytes) -> None:
        participant_id = who_hangs_up(body)
        if not participant_id:
            await self._call.hang_up()
            return
        request = api.RoomParticipantIdentity(room=self._room.name, identity=self._person(participant_id))
        async with self._livekit() as livekit:
            await livekit.room.remove_participant(request)

    async def _transfer(self, body: bytes) -> None:
        asked = transfer_request(body)
        request = api.TransferSIPParticipantRequest(
            room_name=self._room.name,
            participant_identity=self._person(asked.participant_id),
            transfer_to=asked.to,
            play_dialtone=True,
        )
        async with self._livekit() as livekit:
            await livekit.sip.transfer_sip_participant(request)

    def _person(self, participant_id: str) -> str:
        identity = self._identity_of(participant_id)
        if identity is None:
            raise Refused("participant-unknown", f"nobody in this room is {participant_id!r}")
        return identity


def _answering(do: Callable[[bytes], Awaitable[None]]) -> Callable[[Msg], Awaitable[None]]:
    async def take(message: Msg) -> None:
        answer = b""
        try:
            await do(message.data)
        except BadRequest as error:
            answer = refusal("bad-request", str(error))
        except Refused as error:
            answer = refusal(error.code, str(error))
        except LIVEKIT_ERRORS as error:
            answer = refusal("livekit-refused", str(error))
        if message.reply:
            await message.respond(answer)

    return take
