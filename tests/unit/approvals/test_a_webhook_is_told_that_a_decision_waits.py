"""A real HTTP server of loopback is told; where that fails it is said, without the address, and all goes on."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mlagent.adapters import webhook
from mlagent.config.approvals import Approvals
from mlagent.config.secret import Secret
from mlagent.core.ports.approvals import Question
from mlagent.trust.approval.message import message
from tests.api_server_double import Answer, Double, serving
from tests.approval_told import RELEASE, TOLD
from tests.certificates import certificates

PATH = "/services/T0CAFE/B0BEEF/planted-secret-of-the-path"
PAGE = "https://jenkins.example.org/job/insurance-risk/12/"
QUESTION = Question(
    id="production-5f0c-1",
    release=RELEASE.digest,
    evidence=TOLD.evidence,
    environment="production",
    message=message(TOLD),
    asked="2026-11-29T09:15:00+00:00",
    expires=TOLD.expires,
    approvers=("ann", "bob"),
    model=RELEASE.model,
    build=PAGE,
    input="ApproveProduction1",
)


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[Double]:
    monkeypatch.setattr(webhook, "A_MOMENT", 0.0)
    with serving() as one:
        one.says("POST", Answer(200, b"ok", "text/plain"))
        yield one


class Told:
    """Tells a URL, and keeps what it notices."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.env, self.notices = monkeypatch.setenv, list[str]()

    def __call__(self, url: str, question: Question = QUESTION, page: str = PAGE, **settings: Any) -> list[str]:
        self.env("HOOK", url)
        webhook.tell(Approvals(webhook=Secret("env:HOOK"), **settings), question, page, self.notices.append)
        return self.notices


@pytest.fixture
def tell(monkeypatch: pytest.MonkeyPatch) -> Told:
    return Told(monkeypatch)


def test_slack_is_sent_a_header_a_block_a_line_and_where_to_answer(double: Double, tell: Told) -> None:
    assert tell(double.url + PATH) == []
    [seen] = double.seen
    sent = json.loads(seen.body)
    lines = QUESTION.message.split("\n* ")
    link = "<https://jenkins.example.org/job/insurance-risk/12/input/|Look at it in Jenkins, and answer>"
    assert (seen.method, seen.target) == ("POST", PATH)
    assert seen.headers["content-type"] == "application/json; charset=utf-8"
    assert sent["text"] == f"{QUESTION.message}\n{link}"
    assert sent["blocks"][0] == {"type": "header", "text": {"type": "plain_text", "text": lines[0]}}
    assert [one["text"] for one in sent["blocks"][1:-1]] == [{"type": "plain_text", "text": one} for one in lines[1:]]
    assert sent["blocks"][-1] == {"type": "section", "text": {"type": "mrkdwn", "text": link}}


def test_what_slack_would_take_for_a_command_is_escaped() -> None:
    asked = msgspec.structs.replace(QUESTION, message="<!channel> & *all*\n* Verdicts: a < b & <@U1>.")
    sent = webhook.slack(asked, "https://h/?a=1&b=<x>|y")
    assert sent["text"].startswith(
        "&lt;!channel&gt; &amp; *all*\n* Verdicts: a &lt; b &amp; &lt;@U1&gt;.\n<https://h/?a=1&amp;b="
    )
    assert sent["text"].count("<") == sent["text"].count("|") == 1
    assert sent["blocks"][1]["text"] == {"type": "plain_text", "text": "Verdicts: a &lt; b &amp; &lt;@U1&gt;."}


def test_no_block_is_longer_than_slack_takes() -> None:
    sent = webhook.slack(msgspec.structs.replace(QUESTION, message="T" * 300 + "\n* x"), PAGE)
    assert len(sent["blocks"][0]["text"]["text"]) == webhook.TITLE


def test_outside_of_jenkins_the_command_is_named_and_no_link() -> None:
    assert webhook.slack(QUESTION, "run:5f0c")["blocks"][-1]["text"]["text"] == (
        "Answer it with: mlagent approvals show production-5f0c-1"
    )


def test_the_generic_form_is_signed_and_says_when_it_was_sent(
    double: Double, tell: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_KEY", "planted-key")
    assert tell(double.url + PATH, webhook_format="generic", webhook_key=Secret("env:HOOK_KEY")) == []
    [seen] = double.seen
    mac = hmac.new(b"planted-key", seen.body, hashlib.sha256).hexdigest()
    assert seen.headers["x-mlagent-signature"] == f"sha256={mac}"
    sent = json.loads(seen.body)
    assert sent["event"] == "approval.waiting"
    assert sent["url"] == PAGE
    assert msgspec.convert(sent["question"], Question) == QUESTION
    assert abs(datetime.now(UTC) - datetime.fromisoformat(sent["sent"])) < timedelta(seconds=60)


def test_without_a_key_nothing_claims_to_be_signed(double: Double, tell: Told) -> None:
    tell(double.url + PATH, webhook_format="generic")
    assert "x-mlagent-signature" not in double.seen[0].headers


@pytest.mark.parametrize(
    ("answer", "times", "said"),
    [
        (Answer(500, b"x" * 10**4), 2, "answered 500"),
        (Answer(503, b"no_service"), 2, "answered 503: no_service"),
        (Answer(429, b"rate_limited"), 2, "answered 429: rate_limited"),
        (Answer(404, f"no {PATH} here".encode()), 1, "answered 404"),
        (Answer(403, b"invalid_token"), 1, "answered 403: invalid_token"),
        (Answer(302, b""), 1, "answered 302"),
        (Answer(0), 2, "did not answer (ProtocolError)"),
    ],
)
def test_a_no_is_noticed_and_asked_once_more_only_where_that_may_help(
    double: Double, tell: Told, answer: Answer, times: int, said: str
) -> None:
    double.says("POST", answer)
    assert tell(double.url + PATH) == [f"{webhook.WAITING}: 127.0.0.1 {said}"]
    assert len(double.seen) == times


def test_one_that_is_away_for_a_moment_is_told_the_second_time(double: Double, tell: Told) -> None:
    double.answers.insert(0, ("POST", Answer(503, b"no_service")))
    first = double.answer

    def once(method: str, target: str) -> Answer:
        given = first(method, target)
        double.answers = [one for one in double.answers if one[1] is not given]
        return given

    double.answer = once  # type: ignore[method-assign]
    assert tell(double.url + PATH) == []
    assert len(double.seen) == 2
    assert double.seen[0].body == double.seen[1].body


def test_one_that_never_answers_holds_nobody_up(double: Double, tell: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "SECONDS", 0.1)
    double.says("POST", Answer(-1))
    assert tell(double.url + PATH) == [f"{webhook.WAITING}: 127.0.0.1 did not answer (ReadTimeoutError)"]


def test_a_port_where_nobody_listens_is_said_without_the_address(tell: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "A_MOMENT", 0.0)
    with serving() as gone:
        url = gone.url
    [said] = tell(url + PATH)
    assert said == f"{webhook.WAITING}: 127.0.0.1 did not answer (NewConnectionError)"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://hooks.example.org" + PATH, "would go in plain text to hooks.example.org"),
        ("http://127.0.0.1.example.org" + PATH, "would go in plain text to 127.0.0.1.example.org"),
        ("https://ann:planted@hooks.example.org" + PATH, "is no URL"),
        ("https://hooks.example.org:port" + PATH, "is no URL"),
        ("https://[half" + PATH, "is no URL"),
        ("file://" + PATH, "is no URL"),
        ("hooks.example.org" + PATH, "is no URL"),
        ("", "the secret env:HOOK is empty"),
    ],
)
def test_an_address_that_is_none_or_would_give_itself_away_is_never_asked(tell: Told, url: str, said: str) -> None:
    [noticed] = tell(url)
    assert said in noticed
    assert "planted" not in noticed


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(double: Double, tell: Told, tmp_path: Path) -> None:
    import ssl
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    made = certificates(tmp_path / "tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        said = tell(f"https://127.0.0.1:{server.server_port}{PATH}")
        server.shutdown()
    assert said == [f"{webhook.WAITING}: 127.0.0.1 has no certificate that is trusted here"]


def test_a_key_that_cannot_be_read_sends_nothing(double: Double, tell: Told) -> None:
    [said] = tell(double.url + PATH, webhook_format="generic", webhook_key=Secret("env:NOT_THERE"))
    assert "env:NOT_THERE" in said
    assert double.seen == []


def test_where_none_is_set_nobody_is_told(double: Double) -> None:
    notices: list[str] = []
    webhook.tell(Approvals(), QUESTION, PAGE, notices.append)
    assert notices == []
    assert double.seen == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"user": "reader"}, "user and token belong together"),
        ({"token": Secret("env:T")}, "user and token belong together"),
        ({"webhook_key": Secret("env:K")}, "webhook_key signs"),
        ({"webhook_key": Secret("env:K"), "webhook": Secret("env:HOOK")}, "webhook_key signs"),
    ],
)
def test_half_a_section_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Approvals(**settings)
