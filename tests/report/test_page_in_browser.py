"""The report of a real search, as Chromium shows it."""

import pytest
from browser import opened

SCREENS = [(390, "light"), (390, "dark"), (1280, "light"), (1280, "dark")]
N_DRAWN = """() => [...document.querySelectorAll('.plot')].map(
    (place) => place.querySelectorAll('.main-svg .trace, .main-svg .scatterlayer path').length)"""
N_EMPTY = "() => [...document.images].filter((image) => image.naturalWidth === 0).length"


@pytest.fixture(scope="module", params=SCREENS, ids=lambda screen: f"{screen[0]}-{screen[1]}")
def seen(request, browser, report):
    with opened(browser, report, *request.param) as page:
        yield page


def test_nothing_is_said_in_the_console(seen):
    assert seen.said == []


def test_nothing_is_asked_of_the_network(seen, report):
    assert [url for url in seen.asked_for if not url.startswith("data:")] == [report.as_uri()]


def test_every_figure_is_drawn(seen):
    drawn = seen.page.evaluate(N_DRAWN)
    assert len(drawn) >= 4
    assert all(drawn)


def test_every_picture_is_drawn(seen):
    assert seen.page.evaluate(N_EMPTY) == 0


def test_the_page_does_not_scroll_sideways(seen):
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_paper_and_ink_follow_the_mode(seen):
    dark = seen.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    colours = seen.page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    ink, paper = (sum(int(part) for part in colour[4:-1].split(",")) for colour in colours)
    assert (ink > paper) == dark


def test_a_change_of_mode_changes_the_figures(browser, report):
    with opened(browser, report, 1280, "light") as seen:
        paper = "getComputedStyle(document.querySelector('.plot .main-svg')).backgroundColor"
        light = seen.page.evaluate(paper)
        seen.page.emulate_media(color_scheme="dark")
        seen.page.wait_for_function(f"{paper} !== '{light}'", timeout=5000)
        assert seen.said == []


def test_paper_is_light_and_no_wider_than_a_page(browser, report):
    with opened(browser, report, 1280, "dark") as seen:
        seen.page.emulate_media(media="print", color_scheme="dark")
        seen.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        seen.page.wait_for_function(
            "document.querySelector('.plot .main-svg').getAttribute('width') <= 680", timeout=5000
        )
        ground = seen.page.evaluate(
            "getComputedStyle(document.querySelector('.plot .main-svg')).backgroundColor"
        )
        assert ground == "rgb(255, 255, 255)"
        assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == ground


def test_the_file_is_small(report):
    assert report.stat().st_size < 5_000_000
