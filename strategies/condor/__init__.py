"""The iron condor: what to sell, how it lives and when it ends."""
