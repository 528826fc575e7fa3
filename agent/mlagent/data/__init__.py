"""Reads the team's rows and divides them; polars lives here and nowhere else."""
