"""Random catalogs, random edits: the plan agrees with a model of a few lines, and running does what was planned."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlagent.core.stage import Stage
from mlagent.engine.planning import plan_now
from tests.conftest import GOOD
from tests.unit.engine.chain import calls, run, stage, workspace

Shape = list[tuple[list[int], bool, bool]]  # what each stage reads, whether it declares its source, and the data


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    size = draw(st.integers(1, 6))
    return [
        (
            draw(st.lists(st.integers(0, index - 1), unique=True, max_size=3)) if index else [],
            draw(st.booleans()),
            draw(st.booleans()),
        )
        for index in range(size)
    ]


def edits(size: int) -> st.SearchStrategy[tuple[str, int, int]]:
    return st.tuples(
        st.sampled_from(["knob", "source", "data", "readme", "nothing"]), st.integers(0, size - 1), st.integers(0, 2)
    )


class Model:
    """What a stage depends on, as a nested tuple of values; what has been made, as a set of those."""

    def __init__(self, shape: Shape) -> None:
        self.shape, self.made = shape, set[object]()
        self.knobs, self.sources, self.data = [0] * len(shape), [0] * len(shape), 0

    def identity(self, index: int) -> object:
        reads, sourced, dated = self.shape[index]
        own = (index, self.knobs[index], sourced and self.sources[index], dated and self.data)
        return own, tuple(self.content(read) for read in sorted(reads))

    def content(self, index: int) -> object:
        """What comes out: sources and data are read by no stage here, so they do not show in it (early cut-off)."""
        return index, self.knobs[index], tuple(self.content(read) for read in sorted(self.shape[index][0]))

    def expected(self) -> list[bool]:
        """Whether each stage runs."""
        return [self.identity(index) not in self.made for index in range(len(self.shape))]

    def run(self) -> None:
        self.made |= {self.identity(index) for index in range(len(self.shape))}


def build(shape: Shape) -> list[Stage]:
    return [
        stage(
            f"s{index}",
            reads=tuple(f"s{read}" for read in sorted(reads)),
            sources=(f"s{index}.py",) if sourced else (),
            facts=("data",) if dated else (),
        )
        for index, (reads, sourced, dated) in enumerate(shape)
    ]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_exactly_what_an_edit_touches_runs_again(data: st.DataObject) -> None:
    shape = data.draw(shapes())
    project = Path(tempfile.mkdtemp())
    try:
        (project / "mlpipeline.yaml").write_text(GOOD)
        (project / "data.csv").write_text("0")
        model, chain = Model(shape), build(shape)
        for kind, index, value in data.draw(st.lists(edits(len(shape)), max_size=5)):
            if kind == "knob":
                model.knobs[index] = value
            if kind == "source":
                model.sources[index] = value
                (project / f"s{index}.py").write_text(str(value)) if value else (project / f"s{index}.py").unlink(
                    missing_ok=True
                )
            if kind == "data":
                model.data = value
                (project / "data.csv").write_text(str(value))
            if kind == "readme":
                (project / "README.md").write_text(str(value))
            sets = {f"s{one}.knob": knob for one, knob in enumerate(model.knobs)}
            expected = model.expected()
            _, steps = plan_now(workspace(project, *chain, sets=sets))
            # a plan cannot know that what is made anew comes out the same: it may say `run` where a run then reuses
            assert all(step.state == "run" for step, runs in zip(steps, expected, strict=True) if runs)
            assert all(
                step.reason.endswith("is made anew")
                for step, runs in zip(steps, expected, strict=True)
                if step.state == "run" and not runs
            )
            run(project, *chain, sets=sets)
            assert calls(project) == [f"s{one}" for one, runs in enumerate(expected) if runs]
            model.run()
            assert {step.state for step in plan_now(workspace(project, *chain, sets=sets))[1]} == {"reuse"}
    finally:
        shutil.rmtree(project)
