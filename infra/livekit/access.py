"""Which LiveKit server a process or a command uses, and with which key."""

from dataclasses import dataclass

from infra.cannot_run import CannotRun
from infra.livekit.key import livekit_folder, livekit_key
from infra.runtime import read_runtime
from infra.settings import Settings


class NoLiveKit(CannotRun, RuntimeError):
    """No LiveKit server is set and none runs here, or its key is missing; the message says what to do."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class LiveKitAccess:
    """A LiveKit server's address and one of its API keys. `public_url` is where clients reach it."""

    url: str
    key: str
    secret: str
    public_url: str


def livekit_access(settings: Settings) -> LiveKitAccess:
    """Return the server of the settings, or the one that runs on this data directory. Raises NoLiveKit."""
    url, public = settings.livekit_url, settings.livekit_public_url
    if url:
        if missing := settings.unset("livekit_api_key", "livekit_api_secret"):
            raise NoLiveKit(f"DAREDEVIL_LIVEKIT_URL is {url}, but its key is missing: set {' and '.join(missing)}")
        return LiveKitAccess(url, settings.livekit_api_key, settings.livekit_api_secret, public or url)
    runtime = read_runtime(settings.data_dir)
    if runtime is None or not runtime.livekit_url:
        raise NoLiveKit(
            "no LiveKit server is set and none runs here: `daredevil run --livekit` (`make run LIVEKIT=1`) starts one; "
            "for a server elsewhere set DAREDEVIL_LIVEKIT_URL, _API_KEY and _API_SECRET"
        )
    key = livekit_key(livekit_folder(settings.data_dir))
    return LiveKitAccess(runtime.livekit_url, key.key, key.secret, public or runtime.livekit_url)
