"""Everything that is derived from the catalog, and the check that it is not stale."""
