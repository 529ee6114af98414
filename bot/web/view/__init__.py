"""State to view: pure functions that turn one look into the plain values the page, `condor watch` and metrics show."""
