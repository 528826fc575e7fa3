"""The append-only, hash-chained record of who promoted, approved, rolled back what: its proofs, and what it says."""
