"""`mlagent ledger …`: read what the ledger says, prove that nobody changed it, and settle what was done around it."""
