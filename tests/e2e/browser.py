"""Opens pages in a real browser and says what it found, as JSON; its environment of its own has Playwright.

browser.py FOLDER NAME=PAGE …     writes screenshots NAME-{light,dark,phone,plain}.png into FOLDER
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, sync_playwright

WIDE, PHONE, PAPER = {"width": 1200, "height": 900}, {"width": 360, "height": 780}, {"width": 718, "height": 1040}
JENKINS = "sandbox allow-same-origin; default-src 'none'; img-src 'self'; style-src 'self';"
HIDDEN = """() => [...document.querySelectorAll('h1,h2,h3,p,td,th,figcaption,svg,dd,li')].filter(one => {
    const box = one.getBoundingClientRect();
    return !one.closest('nav,.unseen') && (one.textContent.trim() || one.tagName == 'svg')
        && (!box.width || !box.height || !one.checkVisibility({visibilityProperty: true, opacityProperty: true}));
}).map(one => one.textContent.slice(0, 80))"""
CUT = """() => [...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth
    && getComputedStyle(one).overflowX != 'visible').map(one => one.getAttribute('aria-label'))"""
SIDEWAYS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
FIRST = """() => { const head = document.querySelector('h1'), under = head.nextElementSibling;
    return {h1: head.innerText, p: under.innerText, below: under.getBoundingClientRect().bottom}; }"""


def opened(
    browser: Browser, page: Path, told: list[str], scheme: str = "light", size: dict[str, int] | None = None
) -> Page:
    """The page, with all that its console says and all that it asks for besides itself noted."""
    tab = browser.new_page(viewport=size or WIDE, color_scheme=scheme)
    tab.on("console", lambda message: told.append(f"console: {message.text}"))
    tab.on("pageerror", lambda error: told.append(f"error: {error}"))
    tab.on("request", lambda asked: told.append(f"request: {asked.url}") if asked.url != page.as_uri() else None)
    tab.goto(page.as_uri())
    return tab


def faults(tab: Page) -> list[str]:
    """What axe-core finds, of whatever impact."""
    found = Axe().run(tab).response["violations"]
    return [f"{one['impact']}: {one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]


def looked_at(browser: Browser, name: str, page: Path, folder: Path) -> dict[str, Any]:
    told: list[str] = []
    result: dict[str, Any] = {"faults": {}}
    for scheme in ("light", "dark"):
        tab = opened(browser, page, told, scheme)
        result["faults"][scheme] = faults(tab)
        tab.screenshot(path=folder / f"{name}-{scheme}.png")
        result["first"] = tab.evaluate(FIRST)
        tab.close()
    tab = opened(browser, page, told, size=PHONE)
    tab.screenshot(path=folder / f"{name}-phone.png", full_page=True)
    result["sideways"] = tab.evaluate(SIDEWAYS)
    result["faults"]["phone"] = faults(tab)
    tab.close()
    tab = opened(browser, page, told)
    result["folded_on_screen"] = len(tab.evaluate(HIDDEN))
    tab.emulate_media(media="print")
    result["hidden_in_print"], result["cut_in_print"] = tab.evaluate(HIDDEN), tab.evaluate(CUT)
    tab.set_viewport_size(PAPER)
    result["sideways_in_print"] = tab.evaluate(SIDEWAYS)
    tab.pdf(path=folder / f"{name}.pdf")
    tab.close()
    result["told"] = told
    result["plain"] = without_style(browser, page, folder / f"{name}-plain.png")
    return result


def without_style(browser: Browser, page: Path, shot: Path) -> dict[str, Any]:
    """The page as Jenkins serves it: no style, no script, in a sandbox."""
    tab = browser.new_page(viewport=WIDE)

    def serve(route: Route) -> None:
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": JENKINS}
        route.fulfill(body=page.read_bytes(), headers=headers)

    tab.route("http://jenkins.invalid/report.html", serve)
    tab.goto("http://jenkins.invalid/report.html")
    tab.screenshot(path=shot, full_page=True)
    first = tab.locator("h1 + p")
    bar = tab.locator("svg rect, svg path").first
    return {
        "grid": tab.evaluate("getComputedStyle(document.body).display"),
        "first": first.inner_text(),
        "fill": bar.evaluate("one => getComputedStyle(one).fill + getComputedStyle(one).stroke") if bar.count() else "",
    }


def main() -> None:
    folder, pages = Path(sys.argv[1]), dict(one.split("=", 1) for one in sys.argv[2:])
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        found = {name: looked_at(browser, name, Path(page), folder) for name, page in pages.items()}
        sys.stdout.write(json.dumps(found))
        browser.close()


if __name__ == "__main__":
    main()
