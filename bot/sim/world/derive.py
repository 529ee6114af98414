"""Indices a day does not have, derived from VIX and the VX curve.

Fits on 2011-2025 closes: VIX9D - VIX = .27 + .835*(VIX - F30), standard error 1.4 points (0.7 at the median);
VIX3M = .338 VIX + .327 F30 + .381 F60, standard error 0.4. F30 and F60 are VX interpolated to 30 and 60 days, with VIX
itself at 0 days. VVIX = 86 + 1.9*(VIX - 14), the slope of RULEBOOK 3.8.
"""

from __future__ import annotations

import numpy as np


def vix9d_from(vix: float, f30: float) -> float:
    """VIX9D in index points."""
    return max(vix + 0.27 + 0.835 * (vix - f30), 0.55 * vix)


def vix3m_from(vix: float, f30: float, f60: float) -> float:
    """VIX3M in index points."""
    return 0.338 * vix + 0.327 * f30 + 0.381 * f60


def vvix_from(vix: float) -> float:
    """VVIX in index points."""
    return float(np.clip(86.0 + 1.9 * (vix - 14.0), 70.0, 205.0))
