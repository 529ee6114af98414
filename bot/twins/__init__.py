"""Twins: the condors of a recorded run carried through the same market without the hedge and with other hedges."""
