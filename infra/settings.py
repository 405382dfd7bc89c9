"""All settings, in one typed class: environment variables `DAREDEVIL_*`, or the same names in `.env`.

With `_FILE` after its name a setting is read from the file that is named (`infra/settings_files.py`).
"""

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

from dotenv import dotenv_values
from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from infra.cannot_run import CannotRun
from infra.settings_files import SUFFIX, read_files
from infra.settings_misspelt import PROTECTING, unknown
from infra.settings_shown import problem_line
from infra.settings_sources import GivenVariables
from infra.settings_types import (
    AuthSource,
    EmbeddingModel,
    EndOfTurnModel,
    HttpUrl,
    HttpUrls,
    LiveKitUrl,
    LlmChain,
    NatsUrl,
    Networks,
    OptionalPort,
    OptionalShare,
    Origins,
    PostgresUrl,
    PulsarUrl,
    SttChain,
    TimeZone,
    TtsChain,
)

ENV_PREFIX = "DAREDEVIL_"


SHORT_KEY_CHARS = 16
"""A shorter key is warned about: the doors slow down guessing, but a word is guessed all the same."""

MOST_PARTITIONS = 64

SHORT_KEY_REMEDY = "`openssl rand -hex 32` makes one that cannot be guessed"


class BadSettings(CannotRun, ValueError):
    """A setting has a value that cannot be used; the message names the setting and says what to write."""

    exit_code = 2


class Settings(BaseSettings):
    """Settings of all processes. `docs/settings.md` lists them; a test keeps that table complete."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, env_file=".env", extra="ignore")

    # -- where things are
    data_dir: Path = Field(Path(".daredevil"), description="Where the embedded servers keep their data.")
    nats_url: NatsUrl = Field("", description="An external NATS with JetStream; empty starts the embedded one.")
    nats_user: str = Field("", description="User of that NATS, unless the URL has one.")
    nats_password: str = Field("", description="Password of that user.")
    nats_jetstream_user: str = Field(
        "",
        description="Second user of each process, with the same password, which asks JetStream in an account of its "
        "own; empty if one user does all.",
    )
    nats_token: str = Field("", description="Token for that NATS.")
    nats_nkey_file: str = Field(
        "", description="File with the seed of an nkey (`SU…`); `{process}` in it stands for the name of each process."
    )
    nats_creds_file: str = Field(
        "", description="Credentials file with a JWT and its seed, as `nsc` writes it; `{process}` likewise."
    )
    nats_tls_ca_file: str = Field(
        "", description="PEM file of the authorities trusted for NATS's certificate; empty trusts the usual ones."
    )
    nats_tls_cert_file: str = Field("", description="PEM certificate (chain) presented to NATS (mutual TLS).")
    nats_tls_key_file: str = Field("", description="PEM key of that certificate; empty if it is in the same file.")
    nats_replicas: int = Field(
        1,
        ge=1,
        le=5,
        description="On how many servers of a NATS cluster the log and all else on NATS is kept; 3 survive the loss "
        "of one.",
    )
    partitions: int = Field(
        0,
        ge=0,
        le=MOST_PARTITIONS,
        description="Over how many streams of NATS sessions are spread; chosen when the log is created. 0: as many as "
        "the log has, and one in a new log.",
    )
    nats_monitor_url: HttpUrls = Field(
        "",
        description="Monitoring of that NATS (`http:` in its configuration), where `daredevil doctor` looks; of a "
        "cluster that of each server, separated by commas.",
    )
    host: str = Field("127.0.0.1", description="Address on which the page and its WebSocket are served.")
    port: int = Field(8030, ge=0, le=65535, description="Port of the page; 0 lets the system choose.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="What is logged.")
    log_json: bool = Field(False, description="Log lines as JSON objects, with the trace and session they belong to.")
    probe_port: OptionalPort = Field(
        None,
        ge=0,
        le=65535,
        description="Port on which a process that runs alone serves `/healthz`, `/readyz` and `/metrics`; 0 lets the "
        "system choose, empty serves none. `daredevil run` gives each of its processes a free one.",
    )
    probe_host: str = Field("127.0.0.1", description="Address on which they are served.")
    otlp_endpoint: HttpUrl = Field(
        "",
        description="OTLP collector for traces and metrics: `http://collector:4318`, or port 4317 for gRPC; if empty, "
        "`OTEL_EXPORTER_OTLP_ENDPOINT` counts, and without that nothing is sent.",
    )
    trace_ratio: OptionalShare = Field(
        None,
        ge=0,
        le=1,
        description="Share of turns whose traces are kept whatever became of them (in production 0.1); if empty, all, "
        "or as `OTEL_TRACES_SAMPLER` says. Slow, interrupted and failed turns are always kept.",
    )
    trace_slow_ms: float = Field(
        1000, gt=0, description="A turn is slow if the answer's first sound came later than this."
    )
    trace_attributes: str = Field(
        "",
        description="Attributes that spans of your own tools and libraries may carry to the collector, by commas: all "
        "others are removed, as they may repeat what was said.",
    )

    # -- the agent
    agents: str = Field(
        "",
        description="Agents of your own: modules (`shop.agents`) or files (`booking.py`), separated by commas. The "
        "first agent is the one that is taken if none is chosen.",
    )
    tools: Literal["local", "remote"] = Field(
        "local",
        description="Where tools of your agents run: `local` where replies are written, `remote` in processes of their "
        "own (`actors.tools`), on any machine.",
    )
    prompt: str = Field(
        "You are a friendly voice assistant on a phone call. Answer in one or two short spoken sentences.",
        description="System prompt of the agent.",
    )
    greeting: str = Field("", description="What the agent says first; empty lets the caller speak first.")
    time_zone: TimeZone = Field(
        "", description="Callers' time zone unless their client sends it, such as `Europe/Berlin`; empty if unknown."
    )
    speculate: bool = Field(True, description="Prepare the answer while the turn may still be going on.")
    turn_history: int = Field(12, ge=0, description="How many past exchanges the model is given.")
    reply_max_tokens: int = Field(160, gt=0, description="Longest answer, in the model's tokens.")

    # -- engines
    llm: LlmChain = Field(
        "local",
        description="`local` (SmolLM2 on llama.cpp), a LangChain model as `provider:model`, or `package.module:Class`.",
    )
    llm_options: dict[str, object] = Field(default_factory=dict, description="JSON options for the model's class.")
    llm_url: HttpUrl = Field("", description="Where the local model's server is; empty uses the supervisor's.")
    llm_threads: int = Field(
        1, gt=0, description="Threads of the local model; with two it stalls when the CPU is busy."
    )
    llm_timeout_s: float = Field(20, gt=0, description="How long a model may be silent before the agent apologises.")
    stt: SttChain = Field(
        "local", description="Speech to text: `local` (Moonshine), a LiveKit plugin: `deepgram.STT`, or `module:Class`."
    )
    stt_options: dict[str, object] = Field(default_factory=dict, description="JSON options for the STT plugin.")
    stt_timeout_s: float = Field(10, gt=0, description="How long speech to text may take.")
    transcript_spare: bool = Field(
        True,
        description="A second, warm transcript process (0.5 GB): it shares load, and takes over if the first dies.",
    )
    tts: TtsChain = Field(
        "local", description="Text to speech: `local` (Piper), a LiveKit plugin: `cartesia.TTS`, or `module:Class`."
    )
    tts_options: dict[str, object] = Field(default_factory=dict, description="JSON options for the TTS plugin.")
    tts_timeout_s: float = Field(10, gt=0, description="How long synthesis may be silent before it counts as hung.")
    tts_sample_rate_conversion: Literal["soxr-hq", "soxr-mq", "soxr-lq", "none"] = Field(
        "soxr-mq", description="Resampling from the voice's rate to the door's; `none` plays the voice's own rate."
    )
    voice: str = Field("", description="Voice: a Piper `.onnx` path, or a name in the plugin's terms.")
    agent_sample_rate_hz: int = Field(24_000, ge=8_000, le=48_000, description="Rate of the agent's sound at the door.")

    # -- the turn
    end_of_turn: EndOfTurnModel = Field(
        "local", description="End-of-turn model: `local` (LiveKit's), or `module:Class` of such a detector."
    )
    vad_threshold: float = Field(0.5, gt=0, lt=1, description="Speech probability that opens an utterance.")
    min_endpointing_delay_ms: int = Field(
        400, ge=100, description="Silence that ends a turn when the end-of-turn model is sure."
    )
    max_endpointing_delay_ms: int = Field(
        900, ge=200, description="Silence that ends a turn when the model expects it to go on."
    )
    patience: Literal["auto", "", "quick", "balanced", "patient"] = Field(
        "auto",
        description="How long silences are waited for, by what was said, scored by the local language model; empty: by "
        "the end-of-turn model; `auto`: `quick` where the local model answers, else empty. What it costs: `quick` "
        "answers 66 % of ends after 0.2 s, and 10 % of pauses of 0.6 s within a sentence (19 % of 1 s); `balanced` "
        "48 % after 0.2 s and 5 % (10 %); `patient` 25 % after 0.3 s and 2 % (6 %).",
    )
    turn_weights: str = Field(
        "", description="Weights of the words' score as JSON, from `daredevil tune turns`; empty: those of the program."
    )
    opener: str = Field(
        "",
        max_length=64,
        description="With a patience: what the agent begins with, quietly, where the turn may be over (`Well,`); it is "
        "broken off if the caller goes on. Only once the microphone is known not to hear the agent (3 s of its sound). "
        "Empty for nothing. What it costs: docs/latency.md.",
    )
    barge_in_min_speech_ms: int = Field(500, ge=100, description="Speech over playback that counts as a barge-in.")

    # -- several people
    agent_name: str = Field("Daredevil", description="The name by which people address the agent.")
    addressee: Literal["always", "named", "asked"] = Field(
        "always", description="Which turns the agent answers: all, those that name it, or those that ask it something."
    )

    # -- LiveKit rooms
    livekit: bool = Field(
        False, description="Open the LiveKit door; without a URL a LiveKit server is started on this machine."
    )
    livekit_url: LiveKitUrl = Field("", description="LiveKit server, `wss://host`; setting it opens the door.")
    livekit_public_url: LiveKitUrl = Field("", description="Where clients reach that server; empty if at the same URL.")
    livekit_api_key: str = Field("", description="API key of that server.")
    livekit_api_secret: str = Field("", description="Its secret; only the LiveKit bridge and token endpoint need it.")
    livekit_agent_name: str = Field(
        "", description="Name for explicit dispatch of the agent; empty sends it into every new room."
    )
    livekit_token_key: str = Field(
        "", description="Key of the token endpoint (Bearer); empty gives tokens to this machine's page only."
    )
    livekit_token_ttl_s: int = Field(
        600,
        gt=0,
        le=3600,
        description="How long a token of the endpoint is valid for joining; nobody is removed when it expires.",
    )
    livekit_server: str = Field(
        "", description="Path of the `livekit-server` to start here; if empty, PATH and the cache folder are searched."
    )
    room_empty_s: float = Field(20, ge=0, description="A room's session ends this long after its last person has left.")

    # -- keeping
    postgres_url: PostgresUrl = Field(
        "", description="Postgres 15 or newer with pgvector; empty starts the embedded one, `off` runs without."
    )
    pulsar_url: PulsarUrl = Field(
        "", description="Pulsar broker, `pulsar://host:6650` or `pulsar+ssl://host:6651`; empty runs without."
    )
    pulsar_admin_url: HttpUrl = Field(
        "http://127.0.0.1:8080", description="Pulsar's admin REST API; `https://` if it has TLS."
    )
    pulsar_token: str = Field("", description="Token (JWT) for Pulsar, or `file:/path` of one that may be renewed.")
    pulsar_tls_ca_file: str = Field(
        "",
        description="PEM file of the authorities trusted for Pulsar's certificate; empty uses the usual ones.",
    )
    pulsar_tls_cert_file: str = Field("", description="PEM certificate (chain) presented to Pulsar (mutual TLS).")
    pulsar_tls_key_file: str = Field("", description="PEM key of that certificate; empty if it is in the same file.")
    pulsar_retention_hours: float = Field(24, gt=0, description="How long Pulsar keeps facts, including erased ones.")
    projections: str = Field(
        "", description="Further projections, `module:ROW` of each, separated by commas (see docs/extending.md)."
    )
    embedding: EmbeddingModel = Field(
        "local", description="Embedding of turns: `local` (WordLlama), LangChain's `provider:model`, or `off`."
    )
    embedding_options: dict[str, object] = Field(default_factory=dict, description="JSON options for its class.")
    memory_turns: int = Field(5, ge=0, description="Similar past turns of the same user given to the model.")
    memory_timeout_ms: int = Field(
        60, gt=0, description="How long an answer waits for memory before it continues without."
    )
    response_cache_ttl_s: float = Field(0, ge=0, description="How long an answer is reused for the same context.")
    summary_turns: int = Field(12, gt=0, description="Turns after which the rolling summary is renewed.")
    record_audio: bool = Field(True, description="Record the sound of sessions.")
    log_retention_days: float = Field(0, ge=0, description="Age at which facts leave the log; 0 keeps them.")
    audio_retention_s: float = Field(600, gt=0, description="How long captured sound stays for a restarted actor.")
    recording_retention_days: float = Field(0, ge=0, description="Age at which recordings go; 0 keeps them.")
    journal_retention_days: float = Field(
        30, ge=0, description="Age at which the tapes for replays go, at the latest with the facts; 0 keeps them."
    )
    journal_max_mb: int = Field(
        1024, ge=0, description="How large the tapes may be on disk, in MB; then the oldest go. 0 records none."
    )
    admin_key: str = Field("", description="Key of the HTTP API's admin routes (Bearer); empty closes them.")

    alerts_key: str = Field(
        "", description="Key with which Alertmanager may post alerts (Bearer); the admin key may, too."
    )

    # -- who is who
    auth: AuthSource = Field(
        "", description="Who may use the doors: a shared secret, or a JWKS (`https://…`, `file:/…`), for users' JWTs."
    )
    auth_issuer: str = Field("", description="`iss` that those tokens must have; empty accepts any.")
    auth_audience: str = Field(
        "", description="`aud` that they must have (one of several, separated by commas); empty accepts any."
    )
    auth_leeway_s: float = Field(30, ge=0, le=600, description="How far the clock of their issuer may be off.")
    trust_user_ids: Literal["loopback", "everyone"] = Field(
        "loopback",
        description="Whose `user_id` is trusted without `DAREDEVIL_AUTH`; all others are anonymous.",
    )
    cors_origins: Origins = Field(
        "",
        description="Sites whose pages may also use the API, by commas: `https://app.example.org`; `*` for all.",
    )

    # -- limits
    session_idle_s: float = Field(600, gt=0, description="A session without sound or text is closed after this.")
    reconnect_grace_s: float = Field(20, ge=0, description="How long a session waits for a page that has disconnected.")
    drain_s: float = Field(
        0,
        ge=0,
        description="How long a door that is told to end lets its calls go on, and takes no new ones; those left "
        "then go to other doors. 0 hands all over at once. Not under `daredevil run`.",
    )
    max_text_bytes: int = Field(16_000, gt=0, description="Longest text that a participant may send.")
    max_sessions: int = Field(200, gt=0, description="Open sessions per bridge; more are refused.")
    overload_refuses: bool = Field(
        True,
        description="A door takes no new sessions while the calls in progress need all that there is; `false`: it "
        "takes any load, to measure what a machine can bear.",
    )
    overload_lag_ms: int = Field(
        300, ge=0, description="A door whose event loop is this late takes no new sessions; 0: whatever its lag."
    )
    overload_answer_ms: int = Field(
        3_000,
        ge=0,
        description="The same if answers of at least three calls are this late by the system's own doing; 0: however "
        "late they are, and however many calls begin at once.",
    )
    opening_patience_s: float = Field(
        5,
        ge=0,
        le=60,
        description="How long a new session waits for an actor that is away before it is refused; 0 asks for none.",
    )
    max_openings_per_minute: int = Field(
        120, ge=0, description="Sessions that one address may open per minute, half of them at once; 0 for no limit."
    )
    max_connections_per_address: int = Field(
        256, gt=0, description="Concurrent connections of one address to a bridge, except for trusted proxies."
    )
    trusted_proxies: Networks = Field(
        "", description="Proxies trusted to name their clients: addresses or networks, separated by commas."
    )
    proxy_header: Literal["x-forwarded-for", "forwarded"] = Field(
        "x-forwarded-for", description="Header in which those proxies name their client; the other is ignored."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where settings come from, what counts most first."""
        return init_settings, GivenVariables(env_settings), GivenVariables(dotenv_settings)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        """Refuse settings that contradict each other. Raises ValueError naming both."""
        if self.min_endpointing_delay_ms > self.max_endpointing_delay_ms:
            raise ValueError(
                f"DAREDEVIL_MIN_ENDPOINTING_DELAY_MS ({self.min_endpointing_delay_ms}) is above "
                f"DAREDEVIL_MAX_ENDPOINTING_DELAY_MS ({self.max_endpointing_delay_ms})"
            )
        if (self.auth_issuer or self.auth_audience) and not self.auth:
            raise ValueError(
                f"{' and '.join(self.given('auth_issuer', 'auth_audience'))} protects nothing without DAREDEVIL_AUTH: "
                "also set the secret or the JWKS with which tokens are checked"
            )
        for name, needed in (
            ("pulsar_tls_key_file", "pulsar_tls_cert_file"),
            ("nats_tls_key_file", "nats_tls_cert_file"),
            ("nats_password", "nats_user"),
            ("nats_user", "nats_password"),
        ):
            if self.given(name) and self.unset(needed):
                raise ValueError(f"{self.given(name)[0]} is of no use without {self.unset(needed)[0]}")
        return self

    def short_keys(self) -> list[str]:
        """Return the variables of keys that are set but so short that they can be guessed."""
        keys = [
            name
            for name in ("admin_key", "livekit_token_key", "alerts_key")
            if len(getattr(self, name).strip()) < SHORT_KEY_CHARS
        ]
        return self.given(*keys)

    def unset(self, *names: str) -> list[str]:
        """Return the variables of those settings that are empty."""
        return [f"{ENV_PREFIX}{name.upper()}" for name in names if not getattr(self, name)]

    def given(self, *names: str) -> list[str]:
        """Return the variables of those settings that are not empty."""
        return [f"{ENV_PREFIX}{name.upper()}" for name in names if getattr(self, name)]


def misspelt(environment: Mapping[str, str], env_file: Path = Path(".env")) -> list[str]:
    """Return a line for each `DAREDEVIL_…` that is not a setting, with the most similar one."""
    lines = []
    for variable, like in unknown(ENV_PREFIX, Settings.model_fields, environment, env_file):
        advice = f"did you mean {ENV_PREFIX}{like}?" if like else "`daredevil settings` lists them all"
        lines.append(f"{variable}: no such setting; {advice}")
    return lines


def _export_keys() -> None:
    """Give keys and `OTEL_*` variables in `.env` to libraries, which look for them in the environment only."""
    for name, value in (dotenv_values(".env") if Path(".env").is_file() else {}).items():
        is_for_library = name.endswith("_API_KEY") or name.startswith("OTEL_")
        if is_for_library and not name.upper().startswith(ENV_PREFIX) and value:
            os.environ.setdefault(name, value)


@lru_cache
def settings() -> Settings:
    """Return the settings of this process, read once. Raises BadSettings.

    Keys of providers that `.env` has (`OPENAI_API_KEY`), its `OTEL_*`, and what files say that `…_FILE` names, are in
    the environment then.
    """
    in_env_file = dotenv_values(".env") if Path(".env").is_file() else {}
    if unreadable := read_files(ENV_PREFIX, Settings.model_fields, os.environ, in_env_file):
        raise BadSettings("\n".join(unreadable))
    _export_keys()
    others = unknown(ENV_PREFIX, Settings.model_fields, os.environ, Path(".env"))
    risky = [(given, like) for given, like in others if like.removesuffix(SUFFIX) in PROTECTING]
    if risky:
        lines = [
            f"{given}: no such setting; it seems meant to protect something: write {ENV_PREFIX}{like}"
            for given, like in risky
        ]
        raise BadSettings("\n".join(lines))
    try:
        return Settings()
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        lines = [problem_line(ENV_PREFIX, Settings.model_fields, each) for each in problems]
        raise BadSettings("\n".join(lines)) from None
    except SettingsError as error:
        raise BadSettings(_bad_json() or str(error)) from None


def _bad_json() -> str:
    """Return which settings hold invalid JSON, and where, without their values."""
    given = {**(dotenv_values(".env") if Path(".env").is_file() else {}), **os.environ}
    lines = []
    for variable, text in given.items():
        name = variable.lower().removeprefix(ENV_PREFIX.lower())
        field = Settings.model_fields.get(name)
        if not variable.upper().startswith(ENV_PREFIX) or field is None or field.annotation != dict[str, object]:
            continue
        try:
            json.loads(text or "")
        except json.JSONDecodeError as error:
            where = f"{error.msg[0].lower()}{error.msg[1:]} at character {error.pos + 1}"
            lines.append(f'{variable.upper()}: is not a JSON object such as {{"temperature": 0.2}}: {where}')
    return "\n".join(lines)
