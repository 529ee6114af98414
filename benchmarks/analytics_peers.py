"""The peers' side of the analytics benchmark: runs in their own virtualenv, one JSON line per request."""

from __future__ import annotations

import json
import sys
import time
import warnings
from typing import Any

warnings.simplefilter("ignore")

import numpy as np  # noqa: E402

RATE = 0.02


def vollib_vectorized(c: dict[str, Any]) -> Any:
    import py_vollib_vectorized as peer

    flag = c["flag"]
    sigma = peer.vectorized_implied_volatility_black(
        c["price"], c["forward"], c["strike"], RATE, c["tau"], flag, return_as="numpy"
    )
    peer.vectorized_black(flag, c["forward"], c["strike"], c["tau"], RATE, sigma, return_as="numpy")
    peer.get_all_greeks(flag, c["forward"], c["strike"], c["tau"], RATE, sigma, model="black", return_as="dict")
    return sigma


def quantlib_loop(c: dict[str, Any]) -> Any:
    import QuantLib as ql  # noqa: N813

    found = np.empty(len(c["price"]))
    rows = zip(c["price"].tolist(), c["forward"].tolist(), c["strike"].tolist(), c["tau"].tolist(),
               c["is_call"].tolist(), c["discount"].tolist(), strict=True)  # fmt: skip
    for i, (price, forward, strike, tau, call, discount) in enumerate(rows):
        kind = ql.Option.Call if call else ql.Option.Put
        try:
            deviation = ql.blackFormulaImpliedStdDev(kind, strike, forward, price, discount, 0.0, 0.1, 1e-14, 200)
        except RuntimeError:
            found[i] = np.nan
            continue
        option = ql.BlackCalculator(ql.PlainVanillaPayoff(kind, strike), forward, deviation, discount)
        option.value(), option.deltaForward(), option.gammaForward(), option.vega(tau), option.theta(forward, tau)
        found[i] = deviation / tau**0.5
    return found


CONTESTANTS = {"py_vollib_vectorized": vollib_vectorized, "QuantLib loop": quantlib_loop}


def main() -> None:
    chains: dict[str, dict[str, Any]] = {}
    for line in sys.stdin:
        request = json.loads(line)
        if "load" in request:
            with np.load(request["load"]) as data:
                chain = {key: data[key] for key in data.files}
            chain["flag"] = np.where(chain["is_call"], "c", "p")
            chains[request["name"]] = chain
            answer: dict[str, Any] = {}
        else:
            chain = chains[request["chain"]]
            run = CONTESTANTS[request["contestant"]]
            start = time.perf_counter()
            for _ in range(request["repeat"]):
                sigma = run(chain)
            answer = {"seconds": (time.perf_counter() - start) / request["repeat"]}
            if request.get("check"):
                answer["sigma"] = [None if not np.isfinite(x) else float(x) for x in sigma]
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
