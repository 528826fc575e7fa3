"""A server with a signature and a port for those who watch, as a process."""

import json
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.pipeline.serving.conftest import ask

if TYPE_CHECKING:
    from tests.pipeline.serving.conftest import House


def metrics(url: str) -> str:
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as told:
        assert told.headers["content-type"].startswith("text/plain; version=0.0.4")
        return str(told.read().decode())


def test_rows_are_answered_counted_and_the_model_named(house: "House") -> None:
    server = house.start(*house.signed())
    urls = house.urls()
    rows = [{"size": 0.5, "body type": "Coupé"}, {"size": 2, "body type": None}, {"size": -1}]
    assert ask(f"{urls['url']}/predict", {"rows": rows}) == (
        200,
        {
            "model_name": "toy",
            "rows": [
                {"same size": 0.5, "same body type": "Coupé"},
                {"same size": 2.0, "same body type": "<missing>"},
                {"same size": -1.0, "same body type": "<missing>"},
            ],
        },
    )
    status, told = ask(f"{urls['url']}/predict", {"rows": [*rows, {"sizes": 1}]})
    assert (status, told["error"]) == (400, "row 3, sizes: there is no such column; did you mean 'size'?")
    for url in urls.values():
        assert ask(f"{url}/v2/health/live") == (200, {"live": True})
        assert ask(f"{url}/v2/health/ready") == (200, {"ready": True})
    text = metrics(urls["metrics_url"])
    assert 'mlagent_serving_requests_total{route="/predict",status="200"} 1.0' in text
    assert 'mlagent_serving_requests_total{route="/predict",status="400"} 1.0' in text
    assert "mlagent_serving_rows_total 3.0" in text
    assert 'mlagent_serving_model_info{name="toy",mlagent="' in text
    assert ask(f"{urls['url']}/metrics")[0] == 404
    assert ask(f"{urls['metrics_url']}/predict", {"rows": rows})[0] == 404
    server.terminate()
    assert server.communicate(timeout=20)[1] == ""
    assert server.returncode == 0


def test_the_version_that_the_environment_names_stands_in_headers_answers_and_counters(
    house: "House", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLAGENT_SERVING_VERSION", "7")
    house.start(*house.signed())
    urls = house.urls()
    with urllib.request.urlopen(f"{urls['url']}/v2/models/toy", timeout=10) as told:
        assert told.headers["x-model-version"] == "7"
        assert json.loads(told.read())["versions"] == ["7"]
    assert '",version="7"} 1.0' in next(line for line in metrics(urls["metrics_url"]).splitlines() if "{name=" in line)


def test_without_a_signature_there_is_no_predict_and_without_a_port_no_watching(house: "House") -> None:
    house.start()
    assert list(house.urls()) == ["url"]
    assert ask(f"{house.url()}/predict", {"rows": [{}]})[0] == 404


def test_the_addresses_are_those_asked_for(house: "House") -> None:
    house.start(*house.signed(), "--host", "127.0.0.2", "--metrics-host", "0.0.0.0")  # noqa: S104
    urls = house.urls()
    assert urlsplit(urls["url"]).hostname == "127.0.0.2"
    assert urlsplit(urls["metrics_url"]).hostname == "127.0.0.1"
    for url in urls.values():
        assert ask(f"{url}/v2/health/ready")[0] == 200


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "signature.json is no signature: "),
        ('{"columns": [], "packed": "", "missing": ""}', "they differ in size, body type; take both from the same"),
        (None, "signature.json cannot be read: No such file or directory"),
    ],
)
def test_a_signature_that_is_not_the_models_is_told_and_nothing_is_ready(
    house: "House", text: str | None, said: str
) -> None:
    options = house.signed()
    path = house.root / "signature.json"
    path.unlink() if text is None else path.write_text(text)
    server = house.start(*options)
    told = server.communicate(timeout=60)[1]
    assert server.returncode == 4
    assert said in told
    assert "Traceback" not in told
    assert not house.ready.exists()


def test_what_the_second_port_shows_of_a_request_is_its_path_and_status_alone(house: "House") -> None:
    house.start(*house.signed())
    urls = house.urls()
    ask(f"{urls['url']}/predict?key=secret", {"rows": [{"size": "secret"}]})
    ask(f"{urls['url']}/secret")
    text = metrics(urls["metrics_url"])
    assert "secret" not in text
    assert 'route="other",status="404"' in text
