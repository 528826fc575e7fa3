"""Where the ledger is kept: objects of the store, a file of JSON lines, a database."""
