"""The reports in a real browser: drawn, quiet, off the network, readable, printable.

With REPORT_IMAGES=DIR the pictures of docs/ are taken too:
    REPORT_IMAGES=docs/images python -m pytest tests/results/report/test_browser.py
"""

import csv
import json
import os
import re
import shutil
import sys
import time
from pathlib import Path

import pytest

from gridsearch.commands.main import cli as gridsearch
from nas.commands.main import cli as nas
from search_spaces.architecture import from_dict

pytest.importorskip("plotly")
pytest.importorskip("jinja2")
pytest.importorskip("sklearn")
CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
if CHROMIUM is None:
    pytest.skip("no chromium on this machine", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api")

PAGES = ("search", "grid", "family", "compare")
WIDTHS = {"phone": (390, 844), "desk": (1440, 900)}

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# The lowest contrast of text on what is behind it, by WCAG 2's formula, and whose it is.
CONTRAST = """() => {
  const rgba = (text) => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const found = rgba(getComputedStyle(node).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const rows = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    const drawn = node.closest("svg") !== null;
    if (!own || ["SCRIPT", "STYLE"].includes(node.tagName)) continue;
    if (!node.getClientRects().length) continue;
    if (drawn && node.closest(".modebar, .blocks")) continue;
    const place = drawn ? node.closest(".plot") : node;
    const style = getComputedStyle(node);
    const pair = [light(rgba(drawn ? style.fill : style.color)), light(behind(place))];
    const [low, high] = pair.sort((a, b) => a - b);
    rows.push([(high + 0.05) / (low + 0.05), node.textContent.trim().slice(0, 40)]);
  }
  return rows.sort((a, b) => a[0] - b[0])[0];
}"""


def until(page, condition):
    """Waits for a condition; playwright's own way needs eval, which the page forbids."""
    end = time.monotonic() + 10
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        time.sleep(0.02)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Real runs of the four kinds, and their reports."""
    trials = "2500" if os.environ.get("REPORT_IMAGES") else "150"
    search, grid = "runs/b0-400M", "runs/grid-b0-400M"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("shop"))
        for line in (
            f"nas search --target-flops 400M --trials {trials} --name b0-400M",
            f"gridsearch run --phi 1 --baseline {search} --name grid-b0-400M",
            f"gridsearch family --coefficients {grid}/coefficients.json --name family",
            "gridsearch compare --no-plots --name compare",
            "nas report b0-400M",
            *(f"gridsearch report {name}" for name in ("grid-b0-400M", "family", "compare")),
        ):
            words = line.split()
            patch.setattr(sys, "argv", words)  # which the run records
            {"nas": nas, "gridsearch": gridsearch}[words[0]].main(words[1:], standalone_mode=False)
        folders = dict(zip(PAGES, (search, grid, "runs/family", "runs/compare"), strict=True))
        return {name: Path(folder, "report.html").resolve() for name, folder in folders.items()}


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox"],  # containers run as root
        )
        yield made
        made.close()


@pytest.fixture
def visit(browser, reports):
    """visit(name, width, theme) -> the page; whatever it asked for or complained of fails."""
    contexts, wrong = [], []

    def go(name, width="desk", theme="light", **more):
        size = dict(zip(("width", "height"), WIDTHS[width], strict=True))
        context = browser.new_context(viewport=size, color_scheme=theme, **more)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else 0)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda r: asked(r.url))
        page.goto(reports[name].as_uri())
        until(page, "document.querySelectorAll('.plot .main-svg').length > 0")
        return page

    def asked(url):
        if not url.startswith(("file:", "data:", "blob:")):
            wrong.append(f"requested {url}")

    yield go
    for context in contexts:
        context.close()
    assert not wrong


def sizes(page):
    """(id, width, height, marks drawn) of each chart."""
    return page.evaluate(
        "[...document.querySelectorAll('.plot')].map((p) => [p.id, p.querySelector('.main-svg')"
        "?.clientWidth ?? 0, p.querySelector('.main-svg')?.clientHeight ?? 0,"
        "p.querySelectorAll('.points path, .lines path').length])"
    )


@pytest.mark.parametrize(("width", "theme"), [("phone", "dark"), ("desk", "light")])
@pytest.mark.parametrize("name", PAGES)
def test_every_chart_is_drawn_nothing_overflows_all_is_readable(visit, name, width, theme):
    page = visit(name, width, theme)
    charts = sizes(page)
    assert len(charts) == {"search": 5, "grid": 5, "family": 2, "compare": 4}[name]
    space = page.evaluate("document.querySelector('main').clientWidth") - 32
    for key, wide, high, marks in charts:
        assert wide == pytest.approx(space, abs=2), key
        assert high >= 200, key
        assert marks >= 4, key
    assert page.evaluate(OVERFLOW) == 0
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((node) => node.id)")
    own = [one for one in ids if not re.match("(clip|legend|top|g|p)?[0-9a-f]{6}", one)]
    assert len(own) == len(set(own))
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    shades = [int(v) for v in re.findall(r"\d+", back)[:3]]
    assert max(shades) < 60 if theme == "dark" else min(shades) > 240
    contrast, text = page.evaluate(CONTRAST)
    assert contrast >= 4.5, text
    chart = "getComputedStyle(document.querySelector('.plot .main-svg')).backgroundColor"
    assert page.evaluate(chart) == back


@pytest.mark.parametrize(
    ("chart", "mark", "said"),
    [
        ("front-chart", ".scatterlayer .trace:last-child .points path", "MACs"),
        pytest.param("network-chart", ".barlayer .point path", "channels", marks=pytest.mark.slow),
        pytest.param(
            "importance-chart", ".barlayer .point path", "mean reward", marks=pytest.mark.slow
        ),
    ],
)
def test_pointing_at_a_mark_shows_its_label(visit, chart, mark, said):
    page = visit("search")
    target = page.locator(f"#plot-{chart} {mark}").last
    target.scroll_into_view_if_needed()
    box = target.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2 - 3, box["y"] + box["height"] / 2)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    label = page.locator(f"#plot-{chart} .hoverlayer .hovertext")
    label.wait_for(timeout=5000)
    assert said in label.text_content()


def test_the_button_changes_the_theme_of_page_and_charts(visit):
    page = visit("search", theme="light")
    shade = "getComputedStyle(document.querySelector('.plot .main-svg')).backgroundColor"
    before = page.evaluate(shade)
    for said in ("light", "dark"):
        page.click("#theme")
        assert page.text_content("#theme") == f"Theme: {said}"
    assert page.evaluate(shade) != before
    page.click("#theme")
    assert page.evaluate(shade) == before
    page.emulate_media(color_scheme="dark")
    until(page, f"{shade} !== '{before}'")


@pytest.mark.slow
def test_it_prints(visit, tmp_path):
    page = visit("search", theme="dark")
    page.emulate_media(media="print")
    until(page, "document.querySelector('.plot .main-svg').clientWidth <= 690")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.is_visible("nav")
    folded = "document.querySelectorAll('details:not([open]):not([data-long])').length"
    assert page.evaluate(folded) == 0
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF")
    assert 4 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 14
    page.emulate_media(media="screen")
    until(page, "document.querySelector('.plot .main-svg').clientWidth > 900")
    assert page.evaluate("document.querySelectorAll('details[open]').length") == 0


def test_it_can_be_used_with_a_keyboard_and_a_reader(visit):
    page = visit("search", "phone")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.querySelectorAll('h1').length") == 1
    levels = page.evaluate("[...document.querySelectorAll('h1, h2')].map((h) => h.tagName)")
    assert levels == sorted(levels)
    bare = "[...document.querySelectorAll('[role=img], .scroll, section, nav')].filter((node) =>"
    bare += "!node.getAttribute('aria-label') && !node.getAttribute('aria-labelledby')).length"
    assert page.evaluate(bare) == 0
    assert page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.skipif("REPORT_IMAGES" not in os.environ, reason="REPORT_IMAGES=DIR takes pictures")
def test_pictures_for_the_docs(visit):
    folder = Path(os.environ["REPORT_IMAGES"])
    folder.mkdir(parents=True, exist_ok=True)
    for name, width, theme, high in (
        ("search", "desk", "light", 1500), ("search", "phone", "dark", 1500),
        ("grid", "desk", "dark", 1500),
    ):  # fmt: skip
        page = visit(name, width, theme)
        clip = {"x": 0, "y": 0, "width": WIDTHS[width][0], "height": high}
        path = folder / f"report-{name}-{width}-{theme}.png"
        page.screenshot(path=path, full_page=True, clip=clip)


def test_a_click_on_the_front_shows_its_network_and_zooming_filters_the_table(visit, reports):
    page = visit("search", accept_downloads=True)
    spot = """() => {
      const chart = document.getElementById("plot-front-chart");
      const at = chart.data.findIndex((trace) => trace.name === "front");
      const {x: along, y: up, customdata} = chart.data[at];
      const x = chart._fullLayout.xaxis, y = chart._fullLayout.yaxis;
      const box = chart.getBoundingClientRect();
      const near = (i) => x.d2p(along[i]) - (i ? x.d2p(along[i - 1]) : -Infinity);
      let alone = 1;  // the one farthest from those beside it
      for (let i = 1; i < along.length - 1; i++)
        if (Math.min(near(i), near(i + 1)) > Math.min(near(alone), near(alone + 1))) alone = i;
      return {id: customdata[alone], along: along[alone],
              x: box.left + x._offset + x.d2p(along[alone]),
              y: box.top + y._offset + y.d2p(up[alone])};
    }"""
    page.evaluate("document.getElementById('plot-front-chart').scrollIntoView()")
    place = page.evaluate(spot)
    page.mouse.move(place["x"], place["y"])
    page.mouse.click(place["x"], place["y"])
    until(page, "document.querySelector('.picked .shown h3') !== null")
    shown = page.inner_text(".picked .shown")
    front = {row["id"]: row for row in rows_of(reports["search"].parent / "front.csv")}
    assert shown.startswith(place["id"])
    assert f"nas train b0-400M:{place['id']} --data IMAGES" in shown
    shown_stages = len(page.query_selector_all(".picked .shown tbody tr"))
    with page.expect_download() as got:
        page.click(".picked button[data-as=csv]")
    saved = rows_of(Path(got.value.path()))
    assert {row["id"] for row in saved} == set(front)
    assert float(saved[0]["macs"]) == float(front[saved[0]["id"]]["macs"])
    with page.expect_download() as got:
        page.click(".picked button[data-as=json]")
    whole = json.loads(Path(got.value.path()).read_text())
    network = from_dict(whole[place["id"]]["architecture"])
    assert network.id == place["id"]
    assert shown_stages == len(network.stages) + 2  # stem and head
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    count = "document.querySelectorAll('#table-front tbody tr:not([hidden])').length"
    every = page.evaluate(count)
    page.evaluate(
        "(x) => Plotly.relayout('plot-front-chart', {'xaxis.range': "
        "document.getElementById('plot-front-chart').layout.xaxis.type === 'log' ? "
        "[Math.log10(x) - 1e-6, Math.log10(x) + 1e-6] : [x - 1e-6, x + 1e-6]})",
        place["along"],
    )
    until(page, f"{count} < {every}")
    assert page.evaluate(count) <= 1
    page.evaluate("Plotly.relayout('plot-front-chart', {'xaxis.autorange': true})")
    until(page, f"{count} === {every}")


def rows_of(file):
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))
