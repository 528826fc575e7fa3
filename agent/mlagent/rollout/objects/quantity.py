"""Amounts as Kubernetes writes them (`1500m`, `1Gi`): written in its own spelling, so that it gives them back so."""

from decimal import Decimal, InvalidOperation

_BINARY = {f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", start=1)}
_DECIMAL = {
    "n": "1e-9",
    "u": "1e-6",
    "m": "1e-3",
    "k": "1e3",
    "M": "1e6",
    "G": "1e9",
    "T": "1e12",
    "P": "1e15",
    "E": "1e18",
}
_UNITS = _BINARY | {letter: Decimal(text) for letter, text in _DECIMAL.items()}


def cpus(number: float) -> str:
    """Processors, to the thousandth: 1.0 is `1`, 0.5 is `500m`."""
    thousandths = max(1, round(number * 1000))
    return str(thousandths // 1000) if thousandths % 1000 == 0 else f"{thousandths}m"


def mebibytes(number: int) -> str:
    """Memory: 1024 is `1Gi`, 1500 is `1500Mi`."""
    for unit in ("Mi", "Gi", "Ti"):
        if number % 1024 or unit == "Ti":
            return f"{number}{unit}"
        number //= 1024
    raise AssertionError


def read(text: object) -> Decimal:
    """Read any amount, in units (cores, bytes, pieces); ValueError for what is none."""
    said = str(text).strip()
    unit = next((one for one in _UNITS if said.endswith(one)), "")
    try:
        return Decimal(said.removesuffix(unit)) * _UNITS.get(unit, Decimal(1))
    except InvalidOperation as error:
        raise ValueError(f"{said!r} is no amount that Kubernetes writes") from error


def write(amount: Decimal, resource: str) -> str:
    """For people: `1.5` cores, `3.2Gi` of memory, a plain number else."""
    if "memory" in resource or "storage" in resource:
        unit = "Gi" if abs(amount) >= _BINARY["Gi"] else "Mi"
        return f"{float(amount / _BINARY[unit]):.4g}{unit}"
    return f"{float(amount):.6g}"
