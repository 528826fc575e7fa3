"""The door to the team's code: it is loaded, called and, when it fails, blamed by its own file and line."""

import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from mlagent.training.faults import Fault, MemoryFault, TeamFault

MODULE = "mlagent_team_model"
_LONGEST = 300
_CONTRACT = "define `def build_model(config: dict) -> torch.nn.Module` in {model}"
_HINTS = (
    ("ModuleNotFoundError", "", "add the package to the project's requirements, or correct the import"),
    ("OutOfMemoryError", "", "lower train.batch_size, or make the model smaller"),
    ("MemoryError", "", "lower train.batch_size, or make the model smaller"),
    ("RuntimeError", "DefaultCPUAllocator", "lower train.batch_size, or make the model smaller"),
    ("RuntimeError", "DataLoader worker", "a process that loads data died, most often for want of memory: use fewer of them (num_workers), and look at its own error above"),  # noqa: E501
    ("RuntimeError", "deterministic", "use an operation that has a deterministic form on this device; training is reproducible here"),  # noqa: E501
)  # fmt: skip


@dataclass(frozen=True)
class Project:
    """The team's folder and the model's file in it, relative."""

    root: Path
    model: str

    @contextmanager
    def guard(self, doing: str, hint: str) -> Iterator[None]:
        """Run team code; whatever it raises, sys.exit included, becomes a TeamFault that names file and line."""
        try:
            yield
        except Fault:
            raise
        except (Exception, SystemExit) as error:
            kind = MemoryFault if _memory_ran_out(error) else TeamFault
            where = self.where(error)
            message = f"{doing}: {_summary(error)}" + (f" ({where})" if where else "")
            raise kind(message, hint=_hint(error) or hint, trace=self.trace(error)) from error

    def where(self, error: BaseException) -> str:
        """Say `model.py:12` for the team's innermost line under an error or its causes; "" when there is none."""
        if isinstance(error, SyntaxError) and self._owns(error.filename or ""):
            return self._place(error.filename or "", error.lineno)
        frames = [f for f in traceback.extract_tb(error.__traceback__) if self._owns(f.filename)]
        if frames:
            return self._place(frames[-1].filename, frames[-1].lineno)
        return self.where(error.__cause__) if error.__cause__ else ""

    def trace(self, error: BaseException) -> str:
        """Format a traceback of the team's frames alone, then the error in full."""
        frames = [f for f in traceback.extract_tb(error.__traceback__) if self._owns(f.filename)]
        head = ["Traceback (the project's own frames):\n", *traceback.format_list(frames)] if frames else []
        return "".join([*head, *traceback.format_exception_only(error)])

    def load(self) -> Callable[[dict[str, int]], object]:
        """Import the model's file and give its `build_model`; TeamFault when it has none."""
        contract = _CONTRACT.format(model=self.model)
        build = self.member("build_model", contract)
        if not callable(build):
            raise TeamFault(f"{self.model} has no function build_model", hint=contract)
        return build  # type: ignore[no-any-return]

    def member(self, name: str, contract: str) -> Any:  # noqa: ANN401 - whatever the team's file holds
        """Import the file under a name of its own and give what it calls `name`; TeamFault when it has none."""
        path = self.root / self.model
        if not path.is_file():
            raise TeamFault(f"{self.model} is not in the project", hint=f"{contract}, or correct the path to it")
        with self.guard(f"importing {self.model} failed", f"run `python {self.model}` in the project to see it alone"):
            module = self._import(path)
        if not hasattr(module, name):
            near = get_close_matches(name, vars(module), n=1)
            meant = f"; it has `{near[0]}`, which was perhaps meant" if near else ""
            raise TeamFault(f"{self.model} has no {name}{meant}", hint=contract)
        return getattr(module, name)

    def defined_at(self, function: Callable[..., object]) -> str:
        """Say where a function begins, as `model.py:12`."""
        code = getattr(function, "__code__", None)
        return self._place(code.co_filename, code.co_firstlineno) if code else self.model

    def _import(self, path: Path) -> ModuleType:
        """Import without leaving bytecode in the team's folder."""
        spec = importlib.util.spec_from_file_location(MODULE, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path.name} is no Python file; its name must end in .py")
        sys.path.insert(0, str(self.root))
        module = sys.modules[MODULE] = importlib.util.module_from_spec(spec)
        writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        try:
            spec.loader.exec_module(module)
        finally:
            sys.dont_write_bytecode = writes
        return module

    def _owns(self, filename: str) -> bool:
        """Tell the team's files from those of an environment that lies inside the project's folder."""
        path = Path(filename)
        installed = path.is_relative_to(sys.prefix) or "site-packages" in path.parts
        return path.is_relative_to(self.root) and not installed

    def _place(self, filename: str, line: int | None) -> str:
        path = Path(filename)
        name = path.relative_to(self.root) if path.is_relative_to(self.root) else path.name
        return f"{name}:{line}"


def _summary(error: BaseException) -> str:
    """Type and first line of an error, and the next where the first only announces it; cut to fit one line."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)  # its str() repeats the place
    lines = text.strip().splitlines() or ["no message"]
    more = f" {lines[1].strip()}" if lines[0].endswith(":") and len(lines) > 1 else ""
    return f"{type(error).__name__}: {lines[0]}{more}"[:_LONGEST]


def _memory_ran_out(error: BaseException) -> bool:
    """Whether an error is torch's or Python's way to say so; on the CPU torch has no type for it."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return bool(kinds & {"OutOfMemoryError", "MemoryError"}) or "DefaultCPUAllocator" in str(error)


def _hint(error: BaseException) -> str:
    """Find what helps for errors whose remedy is known."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return next((hint for kind, text, hint in _HINTS if kind in kinds and text in str(error)), "")
