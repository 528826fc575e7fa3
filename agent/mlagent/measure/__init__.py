"""The one home of statistics; numpy only, any room may use it."""
