"""The broker's front desk: answers every request of every client from the venue, and tells clients what happened."""
