"""Figures with something of each kind."""

from infra.metrics.figures import ConsumerFigures, Distribution, EngineFigures, Figures, ProcessUse

GAP = Distribution(214, 612.0, 1_180.0, 2_400.0)
NOTHING = Distribution(0, None, None, None)


def some_figures() -> Figures:
    return Figures(
        time_s=1_796_000_000.0,
        window_s=3_120.0,
        sessions={"livekit": 1, "websocket": 3},
        gap=GAP,
        parts={"endpointing": GAP, "stt": Distribution(214, 81.0, 160.0, 300.0)},
        turns={"answered": 198, "interrupted": 16},
        turns_per_minute=4.1,
        interruptions=16,
        cut_off=2,
        drafts=300,
        drafts_wasted=86,
        tool_calls={},
        engines=(EngineFigures("stt", "local", Distribution(214, 81.0, 160.0, 300.0), 0),),
        recognition_waited_s=0.2,
        speech_lost_s=0.0,
        sound_lost_s=0.0,
        stalls=1,
        append=Distribution(4_000, 1.2, 3.4, 9.0),
        consumers=(ConsumerFigures("reasoning", 0, 2, 0.0), ConsumerFigures("recorder", 3, 4, 12.0)),
        dead_letters=2,
        log_ready=True,
        disk_free_bytes=41_300_000_000,
        disk_size_bytes=98_000_000_000,
        processes=(
            ProcessUse("bridge", "127.0.0.1:4001", True, 0.123, 190_000_000, 4.2),
            ProcessUse("reasoning", "127.0.0.1:4002", False, None, None, None),
            ProcessUse("synthesis", "127.0.0.1:4003", False, 0.01, 300_000_000, 2.0),
            ProcessUse("somebody's own process with a long name", "127.0.0.1:4004", None, 0.0, 1_300_000_000, None),
        ),
    )
