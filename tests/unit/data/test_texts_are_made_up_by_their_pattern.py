"""What is drawn matches the pattern; what cannot be drawn from says so."""

import re

import numpy as np
import pytest

from mlagent.data.patterns import drawer


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "abc",
        r"P\d{8}",
        r"[A-Z]{2}-\d+(\.\d{1,2})?",
        r"(foo|ba[rz])x*",
        r"(?:a|b|)(?P<rest>c+?)",
        r"^[^a-z]+$",
        r"\w+@\w+\.(com|org)",
        r"[\d\-.]{3}",
        r"[]a]{2,}",
        r"[a-]b",
        r"a\|b\\",
        r".\s.",
        r"x{0}y",
        r"(a(b(c|d){2})?){1,3}",
    ],
)
def test_what_is_drawn_matches(pattern: str) -> None:
    draw, random = drawer(pattern), np.random.default_rng(1)
    for _ in range(50):
        text = draw(random)
        assert re.fullmatch(pattern, text), text


@pytest.mark.parametrize(
    "pattern",
    [r"(?i)a", r"(?=a)b", r"\p{L}", r"\bword", "(a", "a)", "[a", "[[:alpha:]]", "[a&&b]", "*", "a\\", r"[a-\d]",
     "[b-a]", "[^ -~]", "a{,3}", "[\u4e00-\u9fff]"],
)  # fmt: skip
def test_what_is_not_understood_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError):
        drawer(pattern)(np.random.default_rng(1))
