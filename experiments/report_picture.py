"""The picture in docs/report.md: parts of a report as Chromium shows them.

    python experiments/report_picture.py [--out docs/pictures/report.png]

Searches Fashion-MNIST for about a minute, and needs the extra `test` and Debian's `chromium`.
"""

import argparse
import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from jdend import HyperparameterSearcher
from jdend.search import default_space

BUDGET, WIDTH = 8000, 900
# Which part of the page, in which mode.
PARTS = (("header", "light"), ("#curves", "light"), ("#fields", "dark"))
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("docs/pictures/report.png"))
    parser.add_argument("--report", type=Path, help="one that is there already")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = options.report or searched(Path(folder))
        options.out.parent.mkdir(exist_ok=True)
        picture(report).save(options.out, optimize=True)
    print(f"{options.out}: {options.out.stat().st_size:,} bytes")


def searched(folder: Path) -> Path:
    """The report of a search of the default space."""
    searcher = HyperparameterSearcher(max_params=BUDGET, subset_size=20_000, seeds=2, n_epochs=9)
    space = {**default_space(BUDGET, searcher.problem), "synaptic_resampling": True}
    searcher.random_search(space, 24)
    return searcher.report(folder / "report.html")


def picture(report: Path) -> Image.Image:
    """Its parts beside each other, in few colours."""
    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("this takes Chromium: install Debian's package chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=list(FLAGS))
        parts = [photographed(browser, report, *part) for part in PARTS]
        browser.close()
    left, right = parts[:-1], parts[-1]
    height = sum(part.height for part in left)
    right = right.crop((0, 0, right.width, height))
    sheet = Image.new("RGB", (left[0].width + right.width, height), "white")
    top = 0
    for part in left:
        sheet.paste(part, (0, top))
        top += part.height
    sheet.paste(right, (left[0].width, 0))
    half = sheet.resize((sheet.width * 2 // 3, sheet.height * 2 // 3), Image.Resampling.LANCZOS)
    return half.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)


def photographed(browser: Browser, report: Path, part: str, scheme: str) -> Image.Image:
    context = browser.new_context(
        viewport={"width": WIDTH, "height": 900},
        color_scheme=scheme,  # pyright: ignore[reportArgumentType]
    )
    page = context.new_page()
    page.goto(report.resolve().as_uri())
    page.wait_for_function("document.documentElement.dataset.drawn === 'yes'")
    box = page.locator(part).bounding_box()
    assert box is not None
    area = {"x": 0, "y": box["y"] - 12, "width": WIDTH, "height": box["height"] + 12}
    shot = page.screenshot(full_page=True, clip=area)  # pyright: ignore[reportArgumentType]
    context.close()
    return Image.open(io.BytesIO(shot)).convert("RGB")


if __name__ == "__main__":
    main()
