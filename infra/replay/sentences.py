"""A fact as a sentence for a person who watches a replay. Pure."""

from collections.abc import Mapping

from contracts import events as e
from infra.export.describe import describe
from infra.export.formats import gap_note
from infra.export.lines import one_line
from infra.session.people import Person, known_name

AGENT = "the agent"
MOST_LETTERS = 160
"""Longer words are cut."""


def sentence(event: e.Event, people: Mapping[str, Person]) -> str:
    """Return what a fact says, in one line; `people` are those of the session so far.

    One of a class that has no sentence here is shown as `daredevil events` shows it.
    """
    about_people = (_of_people, _of_speech, _of_turn, _of_guards)
    found = next(filter(None, (of(event, people) for of in about_people)), "")
    found = found or next(filter(None, (of(event) for of in (_of_session, _of_reply, _of_tools, _of_playback))), "")
    return found or " ".join(describe(event)).rstrip()


def quoted(text: str) -> str:
    """Return words in quotation marks, in one line, cut if they are long."""
    shown = one_line(text)
    return f"“{shown[:MOST_LETTERS]}…”" if len(shown) > MOST_LETTERS else f"“{shown}”"


def who(participant_id: str, people: Mapping[str, Person]) -> str:
    """Return what a participant is called in sentences."""
    return AGENT if participant_id == "agent" else known_name(people, participant_id) or participant_id


def _because(reason: str) -> str:
    return f" ({one_line(reason)})" if reason else ""


def _said(text: str) -> str:
    return f": {quoted(text)}" if text.strip() else ""


def _of_session(event: e.Event) -> str:
    match event:
        case e.SessionOpened():
            profile = event.profile
            engines = f"model {profile.llm}, speech to text {profile.stt}, text to speech {profile.tts}"
            return one_line(
                f"the session opens at the door {event.door} for {event.user_id or 'nobody known'}; {engines}"
            )
        case e.SessionClosed():
            return f"the session ends{_because(event.reason)}"
        case e.SessionErased():
            return f"the words of {len(event.skeleton)} facts are erased{_because(event.reason)}"
        case e.RecordingStored():
            missing = f", {event.missing_ms / 1000:.1f} s of people are missing in it" if event.missing_ms else ""
            return f"the recording is complete: {event.duration_ms / 1000:.1f} s{missing}"
        case e.TurnRecorded():
            return "the turn is recorded"
        case e.SummaryRevised() | e.SummaryWritten():
            return f"a summary is written{_said(event.summary)}"
        case e.EngineFailed():
            return one_line(f"an engine of {event.actor} fails: {event.engine}: {event.error}; {event.action}")
    return ""


def _of_people(event: e.Event, people: Mapping[str, Person]) -> str:
    match event:
        case e.ParticipantJoined():
            name = AGENT if event.kind == "agent" else event.name or event.participant_id
            return f"{one_line(name)} joins"
        case e.ParticipantLeft():
            return f"{who(event.participant_id, people)} leaves{_because(event.reason)}"
        case e.TrackPublished():
            return f"{who(event.participant_id, people)} opens the microphone"
        case e.TrackUnpublished():
            return f"{who(event.participant_id, people)} closes the microphone{_because(event.reason)}"
        case e.DtmfReceived():
            return f"{who(event.participant_id, people)} presses the key {one_line(event.digit)}"
        case e.SoundLost():
            return f"{event.lost_ms:.0f} ms of {who(event.participant_id, people)}'s sound are lost ({event.reason})"
        case e.HearingRestarted():
            return f"another process goes on hearing {who(event.participant_id, people)}{_because(event.error)}"
    return ""


def _of_speech(event: e.Event, people: Mapping[str, Person]) -> str:
    match event:
        case e.SpeechStarted():
            over = f" while {AGENT} speaks" if event.over_reply_id else ""
            return f"{who(event.participant_id, people)} begins to speak{over}"
        case e.TranscriptRevised():
            state = "settled in silence" if event.settled else "so far"
            return f"{who(event.participant_id, people)}, {state}: {quoted(event.text)}"
        case e.TranscriptScored():
            if event.end_probability is None:
                return f"whether these words end here is not known{_because(event.problem)}"
            return f"these words end here with a probability of {event.end_probability:.2f}"
        case e.SpeechEnded():
            return f"{who(event.participant_id, people)} has stopped speaking"
        case e.UtteranceTranscribed():
            return f"recognised by {event.engine or 'its engine'} in {event.engine_ms:.0f} ms: {quoted(event.text)}"
        case e.SpeechLost():
            return f"speech of {who(event.participant_id, people)} was not recognised ({event.reason})"
        case e.RecognitionFellBehind():
            return one_line(f"recognition is {event.waited_ms:.0f} ms behind; {event.action}")
        case e.UtteranceDismissed():
            return f"not taken as speech to {AGENT} ({event.reason}){_said(event.text)}"
    return ""


def _of_turn(event: e.Event, people: Mapping[str, Person]) -> str:
    match event:
        case e.TurnEnded():
            return f"{who(event.participant_id, people)}{_end_of_turn(event)}: {quoted(event.text)}"
        case e.TurnInterrupted():
            return f"{who(event.participant_id, people)} interrupts {AGENT}{_said(event.text)}"
        case e.InterruptionDismissed():
            return f"that does not interrupt {AGENT} ({event.reason}){_said(event.text)}"
        case e.OpenerCued():
            return f"the turn may be over ({event.reason}): {AGENT} may begin with {quoted(event.text)}"
        case e.OpenerRetracted():
            return f"{who(event.participant_id, people)} goes on: the opener is taken back"
        case e.RemarkRequested():
            return f"{event.requested_by or 'somebody'} has {AGENT} say{_said(event.text)}"
        case e.EndRequested():
            return f"{event.requested_by or 'somebody'} ends the session when all is said ({event.reason})"
        case e.TurnPassed():
            return f"{AGENT} does not answer ({event.reason})"
    return ""


def _of_guards(event: e.Event, people: Mapping[str, Person]) -> str:
    match event:
        case e.TurnGuarded():
            return f"the guard of what {who(event.participant_id, people)} says {_guarded(event)}"
        case e.ClauseGuarded():
            return f"the guard of what {AGENT} says {_guarded(event)}"
    return ""


def _guarded(event: e.TurnGuarded | e.ClauseGuarded) -> str:
    failed = f"fails ({one_line(event.error)}): it " if event.error else ""
    answers = "answers {} with {}" if isinstance(event, e.TurnGuarded) else "ends the answer before {} with {}"
    does = {"passed": "lets {} pass", "dropped": "drops {}", "replaced": "replaces {} by {}", "answered": answers}
    return failed + does[event.decision].format(quoted(event.text), quoted(event.replacement))


def _end_of_turn(event: e.TurnEnded) -> str:
    evidence = event.evidence
    if evidence is None:
        return " writes" if event.source == "text" else "'s turn ends"
    asked = f"{evidence.required_silence_ms:.0f} ms asked for"
    if evidence.patience:
        asked += f", {evidence.patience}: {evidence.reason}"
    if evidence.end_of_turn_probability is not None:
        asked += f" at an end-of-turn probability of {evidence.end_of_turn_probability:.2f}"
    lost = f"; {event.lost_ms:.0f} ms of speech in it are lost" if event.lost_ms else ""
    return f"'s turn ends after {evidence.silence_ms:.0f} ms of silence ({asked}{lost})"


def _of_reply(event: e.Event) -> str:
    match event:
        case e.ReplyStarted():
            what = "a draft" if event.draft else "the answer"
            recalled = f", recalling {len(event.memories)} past exchanges" if event.memories else ""
            return f"{what} to {quoted(event.text)} is begun by {event.model or 'the model'}{recalled}"
        case e.ReplyCommitted():
            return "the draft is the answer"
        case e.ReplyDiscarded():
            return f"the draft is discarded{_because(event.reason)}"
        case e.ReplyClauseWritten():
            return f"{AGENT} writes {quoted(event.text)}"
        case e.ReplyCompleted():
            first = f"first token after {event.first_token_ms:.0f} ms, " if event.first_token_ms is not None else ""
            return f"the answer is written ({event.finish}; {first}{event.elapsed_ms:.0f} ms in all)"
        case e.ClauseSynthesized():
            length_s, unsaid = event.samples / event.sample_rate_hz, ", which no voice can say" if event.unsaid else ""
            made = f"made by {event.engine or 'its engine'} in {event.engine_ms:.0f} ms"
            return f"{length_s:.1f} s of sound for {quoted(event.text)}{unsaid}, {made}"
    return ""


def _of_tools(event: e.Event) -> str:
    match event:
        case e.ToolCalled():
            return f"{AGENT} calls the tool {one_line(event.tool)} with {quoted(event.arguments)}"
        case e.ToolBegun():
            return f"a process of tools begins to run {one_line(event.tool)}"
        case e.HandedOver():
            return f"{AGENT} {event.from_agent} hands the conversation over to {event.to_agent}"
        case e.ToolReturned(outcome="unknown"):
            return f"what came of the tool {one_line(event.tool)} is not known: {quoted(event.error or '')}"
        case e.ToolReturned(outcome="cancelled"):
            return f"the tool {one_line(event.tool)} is cancelled after {event.elapsed_ms:.0f} ms"
        case e.ToolSettled():
            came = f"failed: {quoted(event.error)}" if event.error else f"returned {quoted(event.result)}"
            return f"what came of the tool {one_line(event.tool)} is known after all{_because(event.by)}: it {came}"
        case e.ToolReturned() if event.error:
            return f"the tool {one_line(event.tool)} fails after {event.elapsed_ms:.0f} ms: {quoted(event.error)}"
        case e.ToolReturned():
            return f"the tool {one_line(event.tool)} returns {quoted(event.result)} after {event.elapsed_ms:.0f} ms"
    return ""


def _of_playback(event: e.Event) -> str:
    match event:
        case e.PlaybackStarted():
            return f"{AGENT} begins to speak {gap_note(event.gap_ms, event.parts)}".rstrip()
        case e.OpenerPlayed():
            end = "broken off" if event.retracted else "heard to its end"
            return f"{AGENT}'s opener {quoted(event.text)} was {end} {gap_note(event.gap_ms, None)}".rstrip()
        case e.PlaybackStalled():
            return f"{AGENT}'s sound stalls ({event.cause})"
        case e.PlaybackPaused():
            return f"{AGENT} is paused{_because(event.cause)}"
        case e.PlaybackResumed():
            after = f" after {event.paused_ms:.0f} ms" if event.paused_ms else ""
            return f"{AGENT} goes on{after}"
        case e.PlaybackFinished():
            return f"{AGENT} was heard to the end"
        case e.PlaybackInterrupted():
            heard = f"after {quoted(event.heard_text)}" if event.heard_text.strip() else "before a word was heard"
            return f"{AGENT} is cut off {heard}{_because(event.reason)}"
    return ""
