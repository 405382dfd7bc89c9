"""The figures of a running system, for people: what `daredevil top` and the status page show. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.metrics import table as t
from infra.metrics.metric import AnyMetric, Histogram
from infra.metrics.percentiles import quantile, total
from infra.metrics.samples import Metrics, Reading


@dataclass(frozen=True, slots=True)
class Distribution:
    """Of measured durations: how many there are, and their percentiles in ms, None without any."""

    count: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True)
class ConsumerFigures:
    """How far a consumer of the log is behind."""

    durable: str
    pending: int
    unacknowledged: int
    lag_s: float


@dataclass(frozen=True, slots=True)
class EngineFigures:
    """How an engine has worked."""

    stage: str
    engine: str
    time: Distribution
    errors: int


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """What a process needs. `cpu_cores` is 1 if it keeps one core busy; None is unknown."""

    name: str
    address: str
    ready: bool | None
    """None if it does not say; a process that does not answer is not ready."""

    cpu_cores: float | None
    memory_bytes: int | None
    loop_lag_p99_ms: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures at `time_s`.

    What is counted was counted in the last `window_s`, or, if that is None, since the processes began.
    """

    time_s: float
    window_s: float | None
    sessions: Mapping[str, int]
    """Open ones, by door."""

    gap: Distribution
    parts: Mapping[str, Distribution]
    turns: Mapping[str, int]
    """By what came of them."""

    turns_per_minute: float | None
    interruptions: int
    cut_off: int
    drafts: int
    drafts_wasted: int
    tool_calls: Mapping[str, int]
    """By what came of them."""

    engines: tuple[EngineFigures, ...]
    recognition_waited_s: float
    speech_lost_s: float
    sound_lost_s: float
    stalls: int
    append: Distribution
    """How long it took to store a fact."""

    consumers: tuple[ConsumerFigures, ...]
    dead_letters: int | None
    """None if no process that counts them was asked or answered."""

    log_ready: bool | None
    disk_free_bytes: int | None
    disk_size_bytes: int | None
    processes: tuple[ProcessUse, ...]

    @property
    def open_sessions(self) -> int:
        """How many sessions are open."""
        return sum(self.sessions.values())


def figures(now: Reading, before: Reading | None = None) -> Figures:
    """Return the figures of a reading; what is counted, since the one before if there is one."""
    is_now, counted = Metrics(now), Metrics(now.since(before) if before is not None else now)
    window_s = now.time_s - before.time_s if before is not None else None
    turns = _whole(counted.by(t.TURNS, "outcome"))
    free, size, log_ready = (is_now.most(metric) for metric in (t.DISK_FREE, t.DISK_SIZE, t.LOG_READY))
    return Figures(
        time_s=now.time_s,
        window_s=window_s,
        sessions=_whole(is_now.by(t.OPEN, "door")),
        gap=distribution(counted.all_buckets(t.GAP)),
        parts={part: distribution(buckets) for (part,), buckets in counted.buckets(t.GAP_PART, "part").items()},
        turns=turns,
        turns_per_minute=60 * sum(turns.values()) / window_s if window_s else None,
        interruptions=round(counted.sum(t.INTERRUPTIONS, outcome="confirmed")),
        cut_off=round(counted.sum(t.CUT_OFF)),
        drafts=round(counted.sum(t.DRAFTS)),
        drafts_wasted=round(counted.sum(t.WASTED)),
        tool_calls=_whole(counted.by(t.TOOL_CALLS, "outcome")),
        engines=_engines(counted),
        recognition_waited_s=is_now.most(t.WAITED) or 0.0,
        speech_lost_s=counted.sum(t.SPEECH_LOST),
        sound_lost_s=counted.sum(t.SOUND_LOST),
        stalls=round(counted.sum(t.STALLS)),
        append=distribution(counted.all_buckets(t.APPEND_TIME)),
        consumers=_consumers(is_now),
        dead_letters=_dead_letters(is_now),
        log_ready=None if log_ready is None else log_ready >= 1,
        disk_free_bytes=None if free is None else int(free),
        disk_size_bytes=None if size is None else int(size),
        processes=_processes(now, is_now, counted, window_s),
    )


def distribution(buckets: Mapping[float, float]) -> Distribution:
    """Return the percentiles of a histogram in seconds."""
    at = {q: quantile(q, buckets) for q in (0.5, 0.95, 0.99)}
    in_ms = [None if value is None else value * 1000 for value in at.values()]
    return Distribution(round(total(buckets)), *in_ms)


def _whole(sums: Mapping[str, float]) -> dict[str, int]:
    return {name: round(value) for name, value in sorted(sums.items()) if round(value)}


def _engines(counted: Metrics) -> tuple[EngineFigures, ...]:
    times = counted.buckets(t.ENGINE_TIME, "stage", "engine")
    errors: dict[tuple[str, ...], float] = {}
    for seen in counted.series(t.ENGINE_ERRORS):
        key = seen.labels.get("stage", ""), seen.labels.get("engine", "")
        errors[key] = errors.get(key, 0.0) + seen.value
    order = {stage: number for number, stage in enumerate(t.STAGES)}
    keys = sorted({*times, *errors}, key=lambda key: (order.get(key[0], len(order)), key[1]))
    engines = (
        EngineFigures(
            stage, engine, distribution(times.get((stage, engine), {})), round(errors.get((stage, engine), 0))
        )
        for stage, engine in keys
    )
    return tuple(each for each in engines if each.time.count or each.errors)


def _consumers(is_now: Metrics) -> tuple[ConsumerFigures, ...]:
    """Return the consumers. Each copy that measures them sees the same: the largest counts."""
    most: dict[str, dict[str, float]] = {}
    for metric in (t.PENDING, t.UNACKNOWLEDGED, t.LAG):
        for seen in is_now.series(metric):
            known = most.setdefault(seen.labels.get("durable", ""), {})
            known[metric.name] = max(known.get(metric.name, 0.0), seen.value)
    return tuple(
        ConsumerFigures(
            durable,
            round(known.get(t.PENDING.name, 0)),
            round(known.get(t.UNACKNOWLEDGED.name, 0)),
            known.get(t.LAG.name, 0.0),
        )
        for durable, known in most.items()
    )


def _dead_letters(is_now: Metrics) -> int | None:
    most: dict[str, float] = {}
    for seen in is_now.series(t.DEAD_LETTERS):
        durable = seen.labels.get("durable", "")
        most[durable] = max(most.get(durable, 0.0), seen.value)
    return round(sum(most.values())) if most else None


def _processes(now: Reading, is_now: Metrics, counted: Metrics, window_s: float | None) -> tuple[ProcessUse, ...]:
    def of(metrics: Metrics, metric: AnyMetric, address: str) -> float | None:
        values = [seen.value for seen in metrics.series(metric) if seen.address == address]
        return sum(values) if values else None

    found = []
    for address, name in now.processes.items():
        seconds, cpu_s = window_s or of(is_now, t.UPTIME, address), of(counted, t.CPU_TIME, address)
        memory, ready = of(is_now, t.MEMORY, address), of(is_now, t.READY, address)
        found.append(
            ProcessUse(
                name,
                address,
                None if ready is None else ready >= 1,
                cpu_s / seconds if seconds and cpu_s is not None else None,
                None if memory is None else int(memory),
                distribution(_buckets_of(counted, t.LOOP_LAG, address)).p99_ms,
            )
        )
    found += [ProcessUse(name, address, False, None, None, None) for address, name in now.unreachable.items()]
    return tuple(sorted(found, key=lambda process: (process.name, process.address)))


def _buckets_of(metrics: Metrics, metric: Histogram, address: str) -> dict[float, float]:
    series = (seen for seen in metrics.series(metric, "_bucket") if seen.address == address)
    return {float(seen.labels["le"]): seen.value for seen in series}
