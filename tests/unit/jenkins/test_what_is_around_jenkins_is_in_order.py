"""The controller as code, the plugin table, examples, Dockerfiles and pages, as far as they can be checked."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from mlagent import catalog
from mlagent.adapters.jenkins.jobs import NEEDED
from mlagent.config.load import load
from tests.conftest import GOOD

ROOT = Path(__file__).parents[3]
JENKINS, DOCKER = ROOT / "jenkins", ROOT / "docker"
JENKINSFILES = sorted(JENKINS.rglob("Jenkinsfile"))
DOCKERFILES = sorted(DOCKER.rglob("Dockerfile"))
DOCS = ROOT / "agent" / "docs"
PAGES = [DOCS / name for name in ("on-your-jenkins.md", "from-an-existing-jenkinsfile.md", "hardening.md")]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"plugins? `([a-z][a-z0-9-]+)`|`([a-z][a-z0-9-]+)` plugin|\bthe plugin ([a-z]+(?:-[a-z]+)+)")


def _yaml(name: str) -> Any:
    return YAML(typ="safe", pure=True).load((JENKINS / name).read_text())


def _table() -> dict[str, str]:
    """Each plugin of the table, required or optional."""
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (\w+) \|", (JENKINS / "README.md").read_text(), re.MULTILINE)
    return dict(rows)


def _plugins() -> set[str]:
    lines = (JENKINS / "plugins.txt").read_text().splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def test_the_controller_builds_nothing_itself_and_is_closed_to_strangers() -> None:
    jenkins = _yaml("casc.yaml")["jenkins"]
    assert (jenkins["numExecutors"], jenkins["slaveAgentPort"]) == (0, -1)
    assert jenkins["crumbIssuer"] == {"standard": {"excludeClientIPFromCrumb": False}}
    assert jenkins["securityRealm"]["local"]["allowsSignup"] is False
    entries = [next(iter(one.items())) for one in jenkins["authorizationStrategy"]["globalMatrix"]["entries"]]
    powers = {who["name"]: set(who["permissions"]) for _, who in entries}
    assert [name for name, held in powers.items() if "Overall/Administer" in held] == ["admin"]
    assert not {"anonymous", "authenticated"} & set(powers)
    assert not powers["ml-team"] & {"Job/Configure", "Job/Create", "Credentials/View"}


def test_the_library_is_loaded_for_everyone_at_a_version_that_nobody_can_override() -> None:
    (library,) = _yaml("casc.yaml")["unclassified"]["globalLibraries"]["libraries"]
    assert (library["name"], library["implicit"], library["allowVersionOverride"]) == ("mlpipeline", True, False)
    assert library["retriever"]["modernSCM"]["scm"]["git"]["remote"].startswith("${")


def test_every_node_class_has_a_node_and_no_pod_is_privileged() -> None:
    nodes = [one["permanent"] for one in _yaml("casc.yaml")["jenkins"]["nodes"]]
    assert {node["labelString"] for node in nodes} == {"light", "cpu", "gpu", "trusted"}
    unlabelled = {node["labelString"] for node in nodes if node["mode"] == "NORMAL"}
    assert unlabelled == {"light", "cpu"}  # so that mlPipeline() finds a node, and keys and GPUs are left alone
    assert all(node["launcher"]["jnlp"]["webSocket"] for node in nodes)
    (cloud,) = _yaml("casc-kubernetes.yaml")["jenkins"]["clouds"]
    for template in cloud["kubernetes"]["templates"]:
        pod = YAML(typ="safe", pure=True).load(template["yaml"])["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert "volumes" not in pod
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            }


def test_secrets_stand_only_as_names() -> None:
    def walk(value: Any, key: str = "") -> list[str]:
        if isinstance(value, dict):
            return [found for name, one in value.items() for found in walk(one, name)]
        if isinstance(value, list):
            return [found for one in value for found in walk(one, key)]
        return [value] if re.search("password|token$|secret", key, re.IGNORECASE) and isinstance(value, str) else []

    found = walk(_yaml("casc.yaml"))
    assert len(found) >= 2
    assert [one for one in found if not re.fullmatch(r"\$\{[A-Z_]+\}", one)] == []


def test_what_is_installed_is_in_the_table_and_all_that_is_required_is_installed() -> None:
    table = _table()
    assert _plugins() <= set(table)
    assert {name for name, kind in table.items() if kind == "required"} <= _plugins()
    assert set(table.values()) == {"required", "optional"}
    assert {one for needed in NEEDED.values() for one in needed} <= set(table)


def test_every_plugin_that_is_named_anywhere_is_in_the_table() -> None:
    pages = [
        *(ROOT / "agent" / "docs").rglob("*.md"),
        *(ROOT / "vars").glob("*"),
        *JENKINS.rglob("*.*"),
        *DOCKER.rglob("*.md"),
    ]
    pages += (ROOT / "agent" / "mlagent" / "adapters" / "jenkins").glob("*.py")
    named = {next(filter(None, found)) for page in pages for found in NAMED.findall(page.read_text())}
    assert "pipeline-rest-api" in named
    assert named <= set(_table())


def test_the_examples_configurations_are_read_by_mlagent() -> None:
    found = sorted((JENKINS / "examples").rglob("mlpipeline.yaml"))
    assert len(found) == 2
    for path in found:
        script = load(catalog.SECTIONS, path.parent, {}).sections["jenkins"].script
        config = re.findall(r"config: '([^']+)'", (JENKINS / "examples" / "several-models" / script).read_text())
        assert JENKINS / "examples" / "several-models" / config[0] == path


def test_the_one_line_is_one_line() -> None:
    assert (JENKINS / "examples" / "one-line" / "Jenkinsfile").read_text() == "mlPipeline()\n"


@pytest.mark.parametrize("path", JENKINSFILES, ids=lambda path: path.parent.name)
def test_an_example_calls_mlpipeline_with_parameters_that_it_has(path: Path) -> None:
    code = re.sub(r"//.*", "", path.read_text())
    assert [code.count(one) for one in "([{"] == [code.count(one) for one in ")]}"]
    call = re.search(r"mlPipeline\((.*)\)", code, re.DOTALL)
    assert call
    outside = re.sub(r"\[[^\]]*\]|'[^']*'", "", call[1])
    assert set(re.findall(r"(\w+):", outside)) <= {"config", "agents", "credentials", "until"}
    until = re.findall(r"until: '([^']+)'", call[1])
    assert set(until) <= {stage.name for stage in catalog.STAGES}


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_a_dockerfile_keeps_to_the_rules(path: Path) -> None:
    code = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE))
    steps = [tuple(line.split(None, 1)) for line in code.splitlines() if line.strip()]
    named = {words.split()[-1] for what, words in steps if what == "FROM" and " AS " in words}
    bases = [words.split()[0] for what, words in steps if what == "FROM"]
    assert "${BASE}" in bases
    assert all(base.startswith("${") or base in named for base in bases)
    assert ("ARG", "BASE") in steps  # without a default: whoever builds names it by digest
    user = "65532:65532" if path.parent.name == "serving" else "jenkins"
    assert [words for what, words in steps if what == "USER"][-1] == user
    assert not [what for what, _ in steps if what == "ADD"]
    assert not re.search(r"curl|wget|\| *(ba)?sh\b|sudo|docker\.sock|--privileged|chmod 777", code)
    assert not re.search(r"(ARG|ENV)[^\n]*(password|secret|token)", code, re.IGNORECASE)
    for source in re.findall(r"COPY (?:--chown=\S+ )?([^\s$-]\S*) ", code):
        given = path.parent.name == "serving" and source.startswith("mlagent/")  # by the stage
        assert given or (ROOT / source).exists(), source


def test_the_nodes_image_comes_in_both_flavours() -> None:
    code = (DOCKER / "agent" / "Dockerfile").read_text()
    assert re.findall(r"^FROM base AS (\w+)$", code, re.MULTILINE) == ["made", "cpu", "gpu"]
    assert "FROM ${FLAVOUR}" in code


def test_it_is_said_that_the_images_are_not_built_by_the_tests() -> None:
    assert "not built by the tests" in (DOCKER / "README.md").read_text()


def test_configurations_in_the_pages_are_what_mlagent_takes(tmp_path: Path) -> None:
    texts = [text for page in PAGES for kind, text in BLOCK.findall(page.read_text()) if kind == "yaml"]
    ours = [text for text in texts if re.match("project:|jenkins:", text)]
    assert len(ours) == 4
    for text in ours:
        whole = text if text.startswith("project:") else GOOD + text
        sections = re.split(r"^(?=\w)", whole, flags=re.MULTILINE)
        known = [one for one in sections if one.partition(":")[0] in catalog.SECTIONS]
        others = {one.partition(":")[0] for one in sections if one} - set(catalog.SECTIONS)
        assert others <= {"deploy", "stages"}  # how stages are carried, which the library's own tests hold
        (tmp_path / "mlpipeline.yaml").write_text("".join(known))
        assert load(catalog.SECTIONS, tmp_path, {}).sections["project"].name


def test_what_the_troubleshooting_table_quotes_is_what_is_said() -> None:
    rows = re.findall(r"^\| (`[^|]+) \|", PAGES[0].read_text(), re.MULTILINE)
    quoted = [part for row in rows for one in re.findall("`([^`]+)`", row) for part in re.split("…", one)]
    quoted = [re.sub(r"^answered \d+", "", part).strip() for part in quoted]
    sources = "".join(path.read_text() for path in (ROOT / "agent" / "mlagent" / "adapters" / "jenkins").glob("*.py"))
    said = re.sub(r"\{jobs\.\w+\}|\{current.tag\}", "flow-definition", sources).replace("{REASON}", "reason")
    messages = [part for part in quoted if " " in part]
    assert len(messages) >= 10
    assert [part for part in messages if part not in said] == []


def test_links_of_the_pages_lead_somewhere() -> None:
    for page in [*PAGES, JENKINS / "README.md", DOCKER / "README.md"]:
        for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), (page.name, target)
