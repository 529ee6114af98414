"""Whole-chain analytics against its peers: `python benchmarks/analytics.py`, side by side in one run.

Implied volatility from mid, price, delta, gamma, vega and theta of every option. Rounds of all contestants alternate,
medians are compared, and the ratio to py_vollib_vectorized is what counts: absolute figures move with the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from benchmarks import chains  # noqa: E402
from strategies.pricing.black76 import price as black_price  # noqa: E402
from strategies.pricing.chain import analyse  # noqa: E402

PEERS = ("py_vollib_vectorized", "QuantLib loop")
BASE = PEERS[0]
PROJECT = "this project"
SIZES = (200, 2_000, 20_000)
ACCURACY_CHAINS = ("live", "near_expiry", "deep_wings", "in_the_money")
SECONDS_A_ROUND = 0.02


class Peers:
    """The peers' process; `None` in `reason` when it answers, else why it does not."""

    def __init__(self, environment: Path, install: bool) -> None:
        self.reason = prepare(environment) if install else None
        self.process: subprocess.Popen[str] | None = None
        python = environment / "bin" / "python"
        if self.reason is None and not python.exists():
            self.reason = f"{environment.name} does not exist; run without --no-setup"
        if self.reason is None:
            self.process = subprocess.Popen(
                [str(python), str(HERE / "analytics_peers.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True,
            )  # fmt: skip

    def ask(self, **request: Any) -> dict[str, Any] | None:
        """One request, one answer; None when the peers' process is not there (any more)."""
        if self.process is None or self.process.stdin is None or self.process.stdout is None:
            return None
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        except (OSError, ValueError):
            self.reason, self.process = "the peers' process ended: see `analytics_peers.py` by hand", None
            return None
        return answer

    def close(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
            self.process.wait()


def prepare(environment: Path) -> str | None:
    """Builds the peers' virtualenv once; the reason when it cannot be built."""
    stamp = environment / "peers-ready"
    pins = (HERE / "requirements-peers.txt").read_text(encoding="utf-8")
    if stamp.exists() and stamp.read_text(encoding="utf-8") == pins:
        return None
    print(f"setting up the peers in {environment.name} (once, a minute or two) ...", flush=True)
    again = next(line for line in pins.splitlines() if line.startswith("py_lets_be_rational=="))
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    try:
        subprocess.run(
            [sys.executable, "-m", "venv", "--clear", str(environment)], check=True, capture_output=True, text=True
        )
        subprocess.run([*pip, "-r", str(HERE / "requirements-peers.txt")], check=True, capture_output=True, text=True)
        subprocess.run([*pip, "--force-reinstall", "--no-deps", again], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        told = getattr(error, "stderr", "") or str(error)
        return f"the peers could not be installed: {told.strip().splitlines()[-1]}"
    stamp.write_text(pins, encoding="utf-8")
    return None


def make_chain(name: str, n: int) -> chains.Chain:
    c: Any = chains.columns(name, n)
    points = black_price(c["forward"], c["strike"], c["sigma"], c["tau"], c["is_call"], c["discount"])
    return chains.Chain(price=points, **c)


def run_project(c: chains.Chain) -> Any:
    return analyse(c.price, c.forward, c.strike, c.tau, c.is_call, c.discount)


def time_project(c: chains.Chain, repeat: int) -> float:
    start = time.perf_counter()
    for _ in range(repeat):
        run_project(c)
    return (time.perf_counter() - start) / repeat


def measure_speed(peers: Peers, rounds: int, folder: Path) -> list[dict[str, Any]]:
    """Rows of the speed table: contestants in turn, round by round."""
    table = []
    for n in SIZES:
        chain = make_chain("live", n)
        np.savez(folder / f"{n}.npz", **chain._asdict())
        peers.ask(load=str(folder / f"{n}.npz"), name=str(n))
        times: dict[str, list[float]] = {name: [] for name in (*PEERS, PROJECT)}
        repeat = {}
        for name in PEERS:
            warm = peers.ask(contestant=name, chain=str(n), repeat=1) and peers.ask(
                contestant=name, chain=str(n), repeat=1
            )
            repeat[name] = max(1, round(SECONDS_A_ROUND / warm["seconds"])) if warm else 0
        time_project(chain, 3)
        repeat[PROJECT] = max(1, round(SECONDS_A_ROUND / time_project(chain, 3)))
        for _ in range(rounds):
            for name in PEERS:
                answer = peers.ask(contestant=name, chain=str(n), repeat=repeat[name]) if repeat[name] else None
                if answer is not None:
                    times[name].append(answer["seconds"])
            times[PROJECT].append(time_project(chain, repeat[PROJECT]))
        medians = {name: statistics.median(values) if values else None for name, values in times.items()}
        base = medians[BASE]
        for name in (*PEERS, PROJECT):
            took = medians[name]
            table.append({"n": n, "contestant": name, "options_per_s": None if took is None else n / took,
                          "ratio": None if took is None or base is None else base / took})  # fmt: skip
    return table


def measure_accuracy(peers: Peers, folder: Path) -> list[dict[str, Any]]:
    """Rows of the accuracy table: greatest volatility error and failures, chain by chain."""
    table = []
    for kind in ACCURACY_CHAINS:
        chain = make_chain(kind, 2_000)
        np.savez(folder / f"{kind}.npz", **chain._asdict())
        peers.ask(load=str(folder / f"{kind}.npz"), name=kind)
        for name in (*PEERS, PROJECT):
            if name == PROJECT:
                found = run_project(chain).sigma
            else:
                answer = peers.ask(contestant=name, chain=kind, repeat=1, check=True)
                if answer is None:
                    continue
                found = np.array([np.nan if x is None else x for x in answer["sigma"]])
            error = np.abs(found - chain.sigma)
            failed = ~(error <= 1e-4)
            table.append({"chain": kind, "contestant": name, "failures": int(failed.sum()),
                          "max_error": float(error[~failed].max()) if not failed.all() else None})  # fmt: skip
    return table


def measure_start() -> dict[str, float]:
    """Seconds for numpy's own import, ours on top of it, and the first chain, in a fresh process."""
    code = (
        "import time; a=time.perf_counter(); import numpy; b=time.perf_counter();"
        "from strategies.pricing.chain import analyse; c=time.perf_counter();"
        "k=numpy.arange(2500.,3000.,5.); analyse(k*0+abs(k-2750)*0.01+20+numpy.maximum(2750-k,0),2750.,k,.1,True);"
        "d=time.perf_counter(); print(b-a,c-b,d-c)"
    )
    samples = []
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        samples.append([float(x) for x in done.stdout.split()])
    numpy_import, own_import, first = (statistics.median(column) for column in zip(*samples, strict=True))
    return {"numpy_import_s": numpy_import, "own_import_s": own_import, "first_result_s": first}


def show(speed: list[dict[str, Any]], accuracy: list[dict[str, Any]], start: dict[str, float]) -> None:
    print(f"\n{'options':>8}  {'contestant':<22}{'options/s':>12}  {'ratio':>8}")
    for row in speed:
        rate = "not measured" if row["options_per_s"] is None else f"{row['options_per_s']:,.0f}"
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}x"
        print(f"{row['n']:>8,}  {row['contestant']:<22}{rate:>12}  {ratio:>8}")
    print(f"\n{'chain of 2,000':<16}{'contestant':<22}{'max IV error':>14}{'failures':>10}")
    for row in accuracy:
        error = "" if row["max_error"] is None else f"{row['max_error']:.1e}"
        print(f"{row['chain']:<16}{row['contestant']:<22}{error:>14}{row['failures']:>10}")
    print(
        f"\nstart: numpy's import {start['numpy_import_s']:.3f} s, ours on top {start['own_import_s']:.3f} s, "
        f"first chain {start['first_result_s']:.4f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=15, help="interleaved rounds per size (default 15)")
    parser.add_argument("--no-setup", action="store_true", help="use .venv-bench as it is, install nothing")
    parser.add_argument("--json", type=Path, help="write the tables to this file as well")
    options = parser.parse_args()
    peers = Peers(ROOT / ".venv-bench", install=not options.no_setup)
    with tempfile.TemporaryDirectory() as folder:
        speed = measure_speed(peers, options.rounds, Path(folder))
        accuracy = measure_accuracy(peers, Path(folder))
    start = measure_start()
    show(speed, accuracy, start)
    if peers.reason is not None:
        print(f"\npeers not measured: {peers.reason}")
    peers.close()
    if options.json:
        options.json.write_text(json.dumps({"speed": speed, "accuracy": accuracy, "start": start}, indent=1) + "\n")


if __name__ == "__main__":
    main()
