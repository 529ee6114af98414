"""Views of the journal for people: session report, status and reasons."""
