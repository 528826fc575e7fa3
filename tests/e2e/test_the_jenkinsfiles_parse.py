"""Every Jenkinsfile that people are shown is one that Groovy takes."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.e2e.conftest import ROOT

PARSE = """\
import org.codehaus.groovy.control.*
args.each { def unit = new CompilationUnit(); unit.addSource(new File(it)); unit.compile(Phases.CONVERSION) }
"""
BLOCK = re.compile(r"^```groovy\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def parsed(*files: Path) -> subprocess.CompletedProcess[str]:
    home = str(Path(shutil.which("java") or "").resolve().parents[1])
    command = ["groovy", "-e", PARSE, *map(str, files)]
    return subprocess.run(command, env={**os.environ, "JAVA_HOME": home}, capture_output=True, text=True, check=False)


def test_the_examples_and_the_pairs_in_the_docs_parse(tmp_path: Path) -> None:
    blocks = [text for page in (ROOT / "agent" / "docs").glob("*.md") for text in BLOCK.findall(page.read_text())]
    examples = [path.read_text() for path in (ROOT / "jenkins").rglob("Jenkinsfile")]
    assert len(blocks) >= 10
    assert len(examples) >= 3
    for number, text in enumerate([*blocks, *examples]):
        (tmp_path / f"{number:02d}.groovy").write_text(text)
    ended = parsed(*sorted(tmp_path.glob("*.groovy")))
    assert ended.returncode == 0, ended.stderr


def test_one_that_is_broken_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "broken.groovy").write_text("mlPipeline(agents: [gpu: 'big')\n")
    assert parsed(tmp_path / "broken.groovy").returncode != 0
