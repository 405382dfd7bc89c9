"""A process like a bridge's, whose jobs are forked from a copy of it: prints what a job finds there."""

import multiprocessing
import os
import sys
import threading

import psutil

from bridge.livekit.job_forkserver import fork_job_forkserver

imported_by_the_worker = False


def job() -> None:
    """Tell whether the job has what the worker had when it was copied, and whose child it is."""
    here = sys.modules["tests.bridge.livekit.forking_worker"]
    print("job", here.imported_by_the_worker, os.getppid(), flush=True)


def main(with_a_thread: bool) -> None:
    # What runs here is `__main__`; the job finds this.
    import tests.bridge.livekit.forking_worker as imported

    imported.imported_by_the_worker = True
    if with_a_thread:
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    print("copied", fork_job_forkserver(("json", "no.such.module")), flush=True)
    context = multiprocessing.get_context("forkserver")
    for _ in range(2):
        process = context.Process(target=imported.job)
        process.start()
        process.join()
        print("code", process.exitcode, flush=True)
    print("children", len(psutil.Process().children()), flush=True)
    input()


if __name__ == "__main__":
    main(sys.argv[1] == "thread")
