"""The one hash of numbers in this room: the same on every machine and with every version of polars and numpy."""

import numpy as np


def splitmix(value: np.ndarray) -> np.ndarray:
    """Splitmix64 (Steele, Lea and Flood 2014) of uint64 (rows,)."""
    mixed: np.ndarray = value + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
