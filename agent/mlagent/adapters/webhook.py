"""Tells a webhook that a decision waits; where that fails there is a notice, and the pipeline goes on."""

import hashlib
import hmac
import ipaddress
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

import msgspec

from mlagent.core.digest import canonical_json
from mlagent.errors import ConfigError

if TYPE_CHECKING:
    from mlagent.adapters.oci_registry.wire import Wire
    from mlagent.config.approvals import Approvals
    from mlagent.core.ports.approvals import Question

SIGNATURE, EVENT = "X-Mlagent-Signature", "approval.waiting"
SECONDS, A_MOMENT = 10.0, 1.0  # for one answer; before it is told once more
TITLE = 150  # characters that Slack takes in a header
WAITING = "Nobody was told by the webhook of approvals that a decision waits"
_WORD = re.compile(rb"[a-z_]{3,40}")  # Slack's own: no_service, invalid_payload


class Unheard(NamedTuple):
    """Why it was not told, without a word of the URL but its host; whether it is worth telling it once more."""

    why: str
    again: bool


def tell(settings: "Approvals", question: "Question", page: str, notice: Callable[[str], None]) -> None:
    """Post once, and once more where nobody answered; `page` is the build's, or `run:ID` outside of Jenkins.

    Raises nothing for what is wrong there or on the way: people also see in Jenkins that it waits.
    """
    if settings.webhook is None:
        return
    try:
        url = _checked(settings.webhook.reveal().strip())
        body, headers = _letter(settings, question, page)
    except ConfigError as error:
        notice(f"{WAITING}: {error.message}; {error.hint}")
        return
    if unheard := _posted(url, body, headers):
        notice(f"{WAITING}: {_shown(url)} {unheard.why}")


def slack(question: "Question", page: str) -> dict[str, Any]:
    """As Slack takes it; `text` holds all of it, for those that know no blocks (Mattermost)."""
    title, *lines = (_escaped(line.removeprefix("* ")) for line in question.message.split("\n"))
    answer = _answer(question, page)
    blocks = [{"type": "header", "text": {"type": "plain_text", "text": title[:TITLE]}}]
    blocks += [{"type": "section", "text": {"type": "plain_text", "text": line}} for line in lines if line]
    blocks += [{"type": "section", "text": {"type": "mrkdwn", "text": answer}}]
    return {"text": f"{_escaped(question.message)}\n{answer}", "blocks": blocks}


def generic(question: "Question", page: str, now: datetime) -> dict[str, Any]:
    """All that is asked; `sent` lets a receiver refuse what is old, and `question.id` what it knows already."""
    asked = msgspec.to_builtins(question)
    return {"event": EVENT, "sent": now.isoformat(timespec="seconds"), "url": page, "question": asked}


def signature(key: str, body: bytes) -> str:
    """What stands in the header: `sha256=` and the HMAC of the body, as it was sent."""
    return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def _letter(settings: "Approvals", question: "Question", page: str) -> tuple[bytes, dict[str, str]]:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if settings.webhook_format == "slack":
        return canonical_json(slack(question, page)), headers
    body = canonical_json(generic(question, page, datetime.now(UTC)))
    signed = {SIGNATURE: signature(settings.webhook_key.reveal(), body)} if settings.webhook_key else {}
    return body, headers | signed


def _checked(url: str) -> SplitResult:
    """A URL that says who it is for; who can read it can post, so that it goes over TLS, or stays on this machine."""
    try:
        parts = urlsplit(url)
        host, fine = parts.hostname or "", parts.port is None or parts.port > 0
    except ValueError:
        parts, host, fine = urlsplit(""), "", False
    if not host or not fine or parts.scheme not in ("http", "https") or parts.username is not None:
        raise ConfigError("what approvals.webhook names is no URL", hint="it is https://HOST/…, without a user in it")
    if parts.scheme == "http" and not _here(host):
        raise ConfigError(
            f"the URL of approvals.webhook would go in plain text to {host}, and who reads it can post",
            hint="name it with https://; http:// is for this machine alone (127.0.0.1)",
        )
    return parts


def _here(host: str) -> bool:
    """127.0.0.1, not 127.0.0.1.example.org."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _posted(url: SplitResult, body: bytes, headers: dict[str, str]) -> Unheard | None:
    try:
        from mlagent.adapters.oci_registry.refusals import Place
        from mlagent.adapters.oci_registry.wire import Wire
    except ImportError:
        return Unheard("cannot be told here: urllib3 is not installed (pip install 'mlagent[image]')", again=False)
    wire = Wire(Place(host=_shown(url), keys="approvals.", named="approvals.webhook"), ca=None)
    try:
        unheard = _once(wire, url, body, headers)
        if unheard and unheard.again:
            time.sleep(A_MOMENT)
            unheard = _once(wire, url, body, headers)
        return unheard
    finally:
        wire.close()


def _once(wire: "Wire", url: SplitResult, body: bytes, headers: dict[str, str]) -> Unheard | None:
    """One request; what a library says of a failure may quote the path, so that only its kind is told."""
    from urllib3.exceptions import HTTPError, SSLError

    try:
        answer = wire.send("POST", url.geturl(), headers, body, SECONDS)
        try:
            if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
                return None
            return _no(answer.status, answer.read(100), url)
        finally:
            answer.close()
    except SSLError:
        return Unheard("has no certificate that is trusted here", again=False)
    except (HTTPError, OSError, ValueError) as error:
        return Unheard(f"did not answer ({type(error).__name__})", again=True)


def _no(status: int, said: bytes, url: SplitResult) -> Unheard:
    word = said.strip()
    words = f": {word.decode()}" if _WORD.fullmatch(word) and word.decode() not in url.geturl() else ""
    again = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS
    return Unheard(f"answered {status}{words}", again=again)


def _answer(question: "Question", page: str) -> str:
    """Where it is answered, as Slack spells a link."""
    if not page.startswith(("http://", "https://")):
        return _escaped(f"Answer it with: mlagent approvals show {question.id}")
    address = quote(f"{page.rstrip('/')}/input/", safe="/:?#[]@!$&'()*+,;=%~")
    return f"<{_escaped(address)}|Look at it in Jenkins, and answer>"


def _escaped(text: str) -> str:
    """As Slack asks: these three, and no others."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _shown(url: SplitResult) -> str:
    return url.hostname or "it"
