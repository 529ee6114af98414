"""What the exchanges publish and no market moves: holidays, hours, expiries and strikes."""
