"""The header WWW-Authenticate, as registries write it."""

import pytest

from mlagent.adapters.oci_registry.challenge import Challenge, chosen, parse

BEARER = 'Bearer realm="https://auth.example.org/token",service="registry, and more",scope="repository:a/b:pull,push"'


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Basic realm="x"', [Challenge("basic", {"realm": "x"})]),
        ("BASIC", [Challenge("basic", {})]),
        ("Basic realm=x , charset = UTF-8", [Challenge("basic", {"realm": "x", "charset": "UTF-8"})]),
        (r'Basic realm="a \"quoted\" one"', [Challenge("basic", {"realm": 'a "quoted" one'})]),
        (
            BEARER,
            [
                Challenge(
                    "bearer",
                    {
                        "realm": "https://auth.example.org/token",
                        "service": "registry, and more",
                        "scope": "repository:a/b:pull,push",
                    },
                )
            ],
        ),
        (
            'Negotiate, Basic realm="x",Bearer realm="y"',
            [Challenge("negotiate", {}), Challenge("basic", {"realm": "x"}), Challenge("bearer", {"realm": "y"})],
        ),
        ("", []),
        ('="x"', []),
    ],
)
def test_a_header_holds_challenges(header: str, expected: list[Challenge]) -> None:
    assert parse([header]) == expected


def test_a_token_is_preferred_to_a_password_in_whatever_order() -> None:
    for headers in (['Basic realm="x"', BEARER], [BEARER, "Basic"], [f"Basic, {BEARER}"]):
        found = chosen(headers)
        assert found
        assert found.scheme == "bearer"
        assert found.parameters["service"] == "registry, and more"


def test_what_is_not_known_is_not_chosen() -> None:
    assert chosen(["Negotiate", 'NTLM realm="x"']) is None
    assert chosen([]) is None
