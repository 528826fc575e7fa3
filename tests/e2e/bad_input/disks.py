"""Disks that are full or read-only, a store that is damaged, outputs that cannot be written."""

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.e2e.bad_input.world import DATA, MODEL, Bad, Spoil, blob, both, edit, flipped, run_folder, write

HOME, STORE, SHARED = ".mlagent", ".mlagent/store", ("--set", "store.url=shared")
QUICKLY = ("run", "--set", "check.test=true", "--until", "split")
NO_SPACE, READ_ONLY = "No space left on device", "Read-only file system"
INFER, PROFILE = ("data", "schema", "infer", DATA), ("data", "profile", DATA)
OTHER_ROWS = edit(DATA, "0,0,5,13", "0,0,5,12")
AT_HOME, AT_TMP = (("HOME", "PROJECT/pages"),), (("TMPDIR", "PROJECT/pages"),)


def fresh(project: Path) -> None:
    """Forget all that was done."""
    shutil.rmtree(project / HOME)


def lost(stage: str, artifact: str, change: Callable[[Path], object]) -> Spoil:
    """Have what a stage made in the store alone, and change it there."""

    def spoil(project: Path) -> None:
        change(blob(project, stage, artifact))
        shutil.rmtree(run_folder(project) / stage)

    return spoil


def truncated(path: Path) -> None:
    """Keep the first hundred bytes."""
    path.write_bytes(path.read_bytes()[:100])


def named(pattern: str, content: str) -> Spoil:
    """Write over named objects of the store."""

    def spoil(project: Path) -> None:
        found = [one for one in (project / STORE / "named").glob(pattern) if one.is_file()]
        assert found
        for one in found:
            one.write_text(content)

    return spoil


def file_for(folder: str) -> Spoil:
    """Put a file in the place of a folder."""

    def spoil(project: Path) -> None:
        shutil.rmtree(project / folder)
        (project / folder).write_text("a file")

    return spoil


def folder_for(file: str) -> Spoil:
    """Put a folder in the place of a file."""

    def spoil(project: Path) -> None:
        (project / file).unlink()
        (project / file).mkdir()

    return spoil


def unnamed_blob(project: Path) -> None:
    """Leave a blob in the store that nothing names."""
    path = project / STORE / "blobs" / "sha256" / "ab" / ("c" * 62)
    path.parent.mkdir(exist_ok=True)
    path.write_text("garbage")


TABLE = (
    Bad("a new project on a full disk", ("run",), 20, f"PROJECT/.mlagent cannot be written: {NO_SPACE}", "is the disk full", fresh, (("full", HOME),), goes_on=True),
    Bad("a disk that fills up", QUICKLY, 20, f"PROJECT/.mlagent/store cannot be used: {NO_SPACE}", "make room on that disk", fresh, (("filling", HOME),)),
    Bad("a run with nothing to do on a full disk", ("run",), 20, f"{NO_SPACE} (PROJECT/.mlagent/newest)", "a full disk", mounts=(("full", HOME),)),
    Bad("a stage with nothing to do on a full disk", ("gate",), 20, f"{NO_SPACE} (PROJECT/.mlagent/newest)", "a full disk", mounts=(("full", HOME),)),
    Bad("looking on a full disk", ("show",), 0, "run ", "", mounts=(("full", HOME),)),
    Bad("a shared store on a full disk", (*QUICKLY, *SHARED), 20, f"PROJECT/shared cannot be used: {NO_SPACE}", "make room on that disk", mounts=(("full", "shared"),)),
    Bad("a shared store that fills up", (*QUICKLY, *SHARED), 20, f"PROJECT/shared cannot be used: {NO_SPACE}", "make room on that disk", mounts=(("filling", "shared"),)),
    Bad("a page on a full disk", (*PROFILE, "--out", "pages/p.html"), 20, f"{NO_SPACE} (PROJECT/pages/p.html)", "a full disk", mounts=(("full", "pages"),)),
    Bad("a project's first file on a full disk", ("--project", "pages", "init", "new"), 20, f"PROJECT/pages/new cannot be written: [Errno 28] {NO_SPACE}", "is the disk full", mounts=(("full", "pages"),)),
    Bad("a project's data on a full disk", ("--project", "pages", "init", "new"), 20, f"PROJECT/pages/new cannot be written: {NO_SPACE}", "is the disk full", mounts=(("filling", "pages"),)),
    Bad("temporary files on a full disk", ("evaluate", "--force"), 0, "accuracy 0.9", "", mounts=(("full", "pages"),), env=AT_TMP),
    Bad("a run with nothing to do in a read-only project", ("run",), 20, READ_ONLY, "read-only", mounts=(("read-only", "."),)),
    Bad("a stage with nothing to do in a read-only project", ("gate",), 20, READ_ONLY, "read-only", mounts=(("read-only", "."),)),
    Bad("a new project that is read-only", ("run",), 20, f"PROJECT/.mlagent cannot be written: {READ_ONLY}", "mounted read-only", fresh, (("read-only", "."),)),
    Bad("looking at a read-only project", ("show",), 0, "run ", "", mounts=(("read-only", "."),)),
    Bad("planning in a read-only project", ("plan",), 0, "reuse", "", mounts=(("read-only", "."),)),
    Bad("a run with nothing to do on a read-only store", ("run",), 20, f"PROJECT/.mlagent/store/lock cannot be used: {READ_ONLY}", "mount it writable", mounts=(("read-only", STORE),)),
    Bad("a shared store that is read-only", ("run", *SHARED), 20, f"PROJECT/shared/lock cannot be used: {READ_ONLY}", "mount it writable", mounts=(("read-only", "shared"),)),
    Bad("garbage in a read-only store", ("gc", "--delete"), 20, f"cannot be used: {READ_ONLY}", "mount it writable", unnamed_blob, (("read-only", STORE),)),
    Bad("a new project in a read-only folder", ("init", "new"), 20, f"PROJECT/new cannot be written: {READ_ONLY}", "mounted read-only", mounts=(("read-only", "."),)),
    Bad("a page in a read-only folder", (*PROFILE, "--out", "pages/p.html"), 20, f"{READ_ONLY} (PROJECT/pages/p.html)", "read-only", mounts=(("read-only", "pages"),)),
    Bad("a user whose home is read-only", ("export", "--force"), 0, "ONNX opset 20", "", mounts=(("read-only", "pages"),), env=AT_HOME),
    Bad("a schema into no folder", (*INFER, "--out", "gone/s.yaml"), 2, "--out gone/s.yaml: there is no folder gone", "--help"),
    Bad("a page into a folder's place", (*PROFILE, "--out", "tests"), 2, "'--out': File 'tests' is a directory", "--help"),
    Bad("a schema over the model", (*INFER, "--out", MODEL), 4, "model.py is already there", "another file"),
    Bad("a store that is gone", ("gate",), 4, "what split makes is not there", "mlagent run", lambda one: shutil.rmtree(one / STORE)),
    Bad("a file for a store", ("run",), 20, "PROJECT/.mlagent/store cannot be used: File exists", "a file stands where a folder should be", file_for(STORE)),
    Bad("a file for a shared store", ("run", "--set", f"store.url={MODEL}"), 3, "store.url: model.py is a file, and a store is a folder", "name a folder"),
    Bad("a file for .mlagent", ("--project", "PROJECT", "run"), 20, "PROJECT/.mlagent cannot be written: File exists", "move it away", file_for(HOME)),
    Bad("a blob cut off", ("evaluate", "--force"), 4, "what split makes is not there for this source, data and configuration (its result is not kept)", "mlagent run", lost("split", "test-rows", truncated), goes_on=True),
    Bad("a blob with a bit flipped", ("evaluate", "--force"), 0, "split makes it anew", "", lost("split", "test-rows", flipped)),
    Bad("a blob deleted", ("evaluate", "--force"), 4, "what split makes is not there", "mlagent run", lost("split", "test-rows", Path.unlink), goes_on=True),
    Bad("the profile of accepted rows deleted", ("validate-data",), 4, "the profile of the rows accepted last (run ", "delete named/accepted/digits in the store", both(OTHER_ROWS, lambda one: blob(one, "validate-data", "data-profile").unlink()), goes_on=True),
    Bad("the profile of accepted rows with a bit flipped", ("validate-data",), 4, "was corrupt and has been dropped", "delete named/accepted/digits in the store", both(OTHER_ROWS, lambda one: flipped(blob(one, "validate-data", "data-profile")))),
    Bad("accepted rows that are damaged", ("run",), 4, "accepted/digits in the store is damaged", "delete it", named("accepted/*", "{")),
    Bad("a record that is damaged", ("run",), 4, "(named/runs/", "delete it and run again", named("runs/*", '{"run_id": ')),
    Bad("a record that is damaged, shown", ("show",), 4, "in the store) is damaged: Input data was truncated", "delete it and run again", named("runs/*", "")),
    Bad("a record that is damaged, collected", ("gc",), 4, "in the store) is damaged", "delete it and run again", named("runs/*", "[]")),
    Bad("results that are damaged", ("run",), 0, "gate/2 run: Gate on quality", "", named("results/gate/*", "{")),
    Bad("a count of builds that is damaged", ("check", "--test", "true"), 4, "ledger/builds in the store holds no number", "from a backup", named("ledger/builds", "{")),
    Bad("a name of the newest run that is damaged", ("show",), 4, "which run was begun last in PROJECT is not known", "name one: ", write(f"{HOME}/newest", b"\xff\xfe")),
    Bad("a folder for mlpipeline.yaml", ("run",), 3, "mlpipeline.yaml cannot be read: Is a directory", "check its path", folder_for("mlpipeline.yaml")),
)  # fmt: skip
