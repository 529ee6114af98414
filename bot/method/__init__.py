"""The method at work in a journal: regimes, adjustments and their reasons, the band, the answers in time."""
