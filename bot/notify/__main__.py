"""`python -m bot.notify`: sends one message (JSON on standard input) through its channels and says which failed.

A process of its own, so that neither a slow address nor the library behind it can touch trading; its deadline ends it.
Addresses come by standard input, never by the command line, and no error text that might repeat one is passed on.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import sys
import urllib.request
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

BEHIND = 10
"""How far this process steps behind everything else that wants the processor, unless a person must know at once."""


def main() -> None:
    """Reads the order, sends, answers `{"failed": {name: why}}` and ends without waiting for a stuck channel."""
    logging.disable(logging.CRITICAL)
    order: dict[str, Any] = json.loads(sys.stdin.read())
    if not order.get("urgent"):
        os.nice(BEHIND)
    answer = io.StringIO()
    with contextlib.redirect_stdout(answer), contextlib.redirect_stderr(answer):
        failed = _ping(order) if "ping" in order else _send(order)
    sys.stdout.write(json.dumps({"failed": failed}) + "\n")
    sys.stdout.flush()
    os._exit(0)  # a channel that is still stuck must not keep the process


def _ping(order: dict[str, Any]) -> dict[str, str]:
    try:
        with urllib.request.urlopen(order["ping"], timeout=order["deadline_s"]) as answer:
            return {} if answer.status < 400 else {"dead_man": f"answered {answer.status}"}
    except (OSError, ValueError) as reason:
        return {"dead_man": type(reason).__name__}


def _send(order: dict[str, Any]) -> dict[str, str]:
    try:
        import apprise
    except ImportError:
        missing = "apprise is not installed: pip install 'condor-desk[notify]'"
        return {channel["name"]: missing for channel in order["channels"]}

    def one(url: str) -> str:
        box = apprise.Apprise()
        if not box.add(url):
            return "the address is not understood"
        kind = apprise.NotifyType.FAILURE if order["urgent"] else apprise.NotifyType.INFO
        attach = order["attachment"] if order["attachment"] and Path(order["attachment"]).is_file() else None
        done = box.notify(title=order["title"], body=order["body"], notify_type=kind, attach=attach)
        if not done and attach is not None:  # a channel that takes no files gets the words
            done = box.notify(title=order["title"], body=order["body"], notify_type=kind)
        return "" if done else "not delivered"

    pool = ThreadPoolExecutor(max_workers=max(1, len(order["channels"])))
    jobs: dict[str, Future[str]] = {c["name"]: pool.submit(one, c["url"]) for c in order["channels"]}
    wait(jobs.values(), timeout=order["deadline_s"])
    return {name: why for name, job in jobs.items() if (why := _outcome(job, order["deadline_s"]))}


def _outcome(job: Future[str], deadline_s: float) -> str:
    if not job.done():
        return f"no answer within {deadline_s:g} s"
    error = job.exception()
    return type(error).__name__ if error is not None else job.result()


if __name__ == "__main__":
    main()
