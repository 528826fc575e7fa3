"""Opens pages in a real browser and takes their pictures; its environment of its own has Playwright.

shots.py FOLDER NAME=PAGE …     writes FOLDER/NAME.png, and says as JSON what stands where on each page
"""

import json
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

WIDE = {"blue-ocean": 480, "stage-view": 500, "graph-view": 900}  # pixels of the window
LOOK = """() => { const one = document.querySelector('.message'), title = document.querySelector('.title');
    const box = one.getBoundingClientRect(), lines = getComputedStyle(one).lineHeight;
    return {text: one.innerText, title: title ? title.innerText : null, inside: one.children.length,
        scripts: document.scripts.length, lines: Math.round(box.height / parseFloat(lines)),
        sideways: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        cut: one.scrollHeight > one.clientHeight + 1 || one.scrollWidth > one.clientWidth + 1}; }"""


def main() -> None:
    folder, pages = Path(sys.argv[1]), dict(one.split("=", 1) for one in sys.argv[2:])
    found = {}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, page in pages.items():
            tab = browser.new_page(viewport={"width": WIDE.get(name, 800), "height": 200})
            asked: list[str] = []
            tab.on("request", lambda one, asked=asked: asked.append(one.url))
            tab.goto(Path(page).as_uri())
            tab.locator("main").screenshot(path=folder / f"{name}.png")
            found[name] = {**tab.evaluate(LOOK), "asked": len(asked)}
            tab.close()
        browser.close()
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
