"""What a new project says of rows that somebody brings: a schema, and the keys of `data:`."""

import re
import shutil
from pathlib import Path

import msgspec

from mlagent.config.fields import nearest
from mlagent.core.context import DataFile
from mlagent.data.infer import Seen, look, write
from mlagent.errors import InputError

MOST_CLASSES = 20


class OwnRows(msgspec.Struct, frozen=True):
    """A file of rows, and the keys of `data:` that they ask for; `schema` is YAML, `reach` the target's ends.

    `doubt` says what the target may be as well; nothing where it is plain.
    """

    file: Path
    target: str
    kind: str
    exclude: tuple[str, ...]
    schema: str
    reach: tuple[float, float] = (0.0, 0.0)
    doubt: str = ""

    def fill(self, folder: Path) -> None:
        """Copy the rows into a project made from the template, and say so in its files."""
        (folder / "data").mkdir()
        shutil.copyfile(self.file, folder / "data" / self.file.name)
        (folder / "schema.yaml").write_text(self.schema)
        settings = folder / "mlpipeline.yaml"
        text = settings.read_text()
        named = {"path": f"data/{self.file.name}", "target": self.target, "kind": self.kind, "exclude": self.exclude}
        for key, value in named.items():
            said = f"  {key}: {value if key == 'kind' else msgspec.json.encode(value).decode()}"
            text = re.sub(rf"(?m)^  {key}: (\[\]|\S+)", lambda _, said=said: said, text, count=1)  # type: ignore[misc]
        settings.write_text(text)
        if self.kind == "regression":
            self._scale(folder / "model.py")

    def _scale(self, model: Path) -> None:
        """Let the network begin where the numbers lie: steps that fit 0 .. 1 never come to 200,000."""
        low, high = self.reach
        about = f"CENTRE, SPREAD = {_round((low + high) / 2)}, {_round((high - low) / 4) or 1.0}"
        model.write_text(model.read_text().replace("CENTRE, SPREAD = 0.0, 1.0", about))


def of(file: Path, target: str) -> OwnRows:
    """Look at every row; InputError (4) for a file that cannot be read, or a target that cannot be one."""
    if not file.is_file():
        raise InputError(f"there is no file {file}", hint="--rows names one CSV or Parquet file, from where you stand")
    seen = look([DataFile(file.name, file)])
    if target in seen and not seen[target].rows:
        raise InputError(f"{file} has a heading and no rows", hint="is it the right file?")
    if target not in seen:
        raise InputError(
            f"{file} has no column {target!r}{nearest(target, list(seen))}", hint=f"its columns: {', '.join(seen)}"
        )
    exclude = tuple(name for name, one in seen.items() if name != target and _useless(one))
    one = seen[target]
    kind = _kind(one, target, file)
    reach = (float(one.low or 0), float(one.high or 0))
    keys = tuple(name for name in exclude if seen[name].kind == "text")
    return OwnRows(
        file, target, kind, exclude, write(seen, f"data/{file.name}", keys), reach, _doubt(one, target, kind)
    )


def _doubt(seen: Seen, target: str, kind: str) -> str:
    """A few whole numbers that do not begin with 0 look like classes."""
    if kind == "classification" or seen.kind != "integer" or seen.distinct is None or seen.distinct > MOST_CLASSES:
        return ""
    return (
        f"{target} holds {seen.distinct} whole numbers from {seen.low} to {seen.high}: to have classes, number from 0"
    )


def _round(number: float) -> float:
    """Three digits that count."""
    return float(f"{number:.3g}")


def _kind(seen: Seen, target: str, file: Path) -> str:
    """Few whole numbers from 0 are classes; other numbers are to be predicted as such."""
    if seen.nulls:
        raise InputError(
            f"{file}: the target {target!r} is empty in {seen.nulls} of {seen.rows} rows", hint="drop or fill these"
        )
    if seen.kind not in ("integer", "number"):
        raise InputError(
            f"{file}: the target {target!r} holds {seen.kind} values, and a target is a number",
            hint="number the classes 0, 1, 2, … in a column of their own, and name that one",
        )
    few = seen.kind == "integer" and seen.low == 0 and seen.high < MOST_CLASSES
    return "classification" if few else "regression"


def _useless(seen: Seen) -> bool:
    """Whether it holds nothing, or more texts than were counted: a name or a key, which no model can learn from."""
    return seen.nulls == seen.rows or (seen.kind == "text" and seen.distinct is None)
