"""The page in a real browser: every chart drawn, nothing on the console, nothing overflowing."""

import json
import re
import shutil
import subprocess

import pytest
import samples

from elman.report import render

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM = next((path for path in map(shutil.which, NAMES) if path), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

# Run in the page once it has drawn: what a person would see, as one JSON text.
PROBE = """
<script>
setTimeout(async () => {
  const probe = { errors: [] };
  try {
    %s
    const charts = [...document.querySelectorAll(".chart")].filter((c) => c.offsetParent);
    probe.charts = charts.map((c) => ({
      name: c.dataset.whole || c.dataset.series,
      drawn: c.classList.contains("drawn"),
      svgs: c.querySelectorAll("svg.main-svg").length,
      marks: [...c.querySelectorAll(".scatterlayer .trace path, .barlayer .trace path")]
        .filter((p) => (p.getAttribute("d") || "").length > 3).length,
      width: c.querySelector(".main-svg")?.getBoundingClientRect().width ?? 0,
      room: c.clientWidth,
      texts: [...c.querySelectorAll("text")].map((t) => t.textContent),
      label: c.getAttribute("aria-label"),
    }));
    probe.overflow = document.documentElement.scrollWidth - window.innerWidth;
    probe.paper = getComputedStyle(document.body).backgroundColor;
    const lines = [...document.querySelectorAll("[data-series=forecast] .js-line")];
    probe.strokes = lines.map((line) => line.style.stroke);
    probe.loaded = performance.getEntriesByType("resource").map((r) => r.name);
    probe.text = document.body.innerText;
    const drawings = [...document.querySelectorAll("svg.network")];
    probe.drawings = drawings.filter((s) => s.clientWidth > 0).length;
  } catch (problem) { probe.errors.push(String(problem)); }
  const out = document.createElement("pre");
  out.id = "probe";
  out.textContent = JSON.stringify(probe);
  document.body.append(out);
}, 1500);
</script>
"""


def look(report, folder, width=1400, dark=False, action=""):
    """Open a report in Chromium; returns what the probe saw and the console's lines."""
    return look_at(render(report.limited()), folder, width, dark, action)


def look_at(text, folder, width=1400, dark=False, action=""):
    """Open a page in Chromium; returns what the probe saw and the console's lines."""
    page = folder / "report.html"
    page.write_text(text.replace("</body>", PROBE % action + "</body>"), "utf-8")
    done = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            f"--user-data-dir={folder / 'profile'}",
            f"--window-size={width},1600",
            *(["--blink-settings=preferredColorScheme=0"] if dark else []),
            "--virtual-time-budget=12000",
            "--enable-logging=stderr",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        timeout=120,
        check=True,
    )
    console = [
        line for line in done.stderr.decode("utf-8", "replace").splitlines() if "CONSOLE" in line
    ]
    dom = done.stdout.decode("utf-8")
    match = re.search(r'<pre id="probe">(.*?)</pre>', dom, re.DOTALL)
    assert match, f"the page never finished; console: {console}"
    text = match[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return json.loads(text), console


def assert_drawn(probe, console, names):
    assert console == []
    assert probe["errors"] == []
    assert [one["name"] for one in probe["charts"]] == names
    for chart in probe["charts"]:
        assert chart["drawn"], chart["name"]
        assert chart["svgs"] >= 1, chart["name"]
        assert chart["marks"] >= 1, chart["name"]
        assert 0 < chart["width"] <= chart["room"] + 1, chart["name"]
        assert chart["label"]
    assert probe["overflow"] <= 0
    assert probe["loaded"] == []


ALL = ["forecast", "horizon", "coverage", "residuals", "histogram", "autocorrelation", "training"]


def test_every_chart_is_drawn_wide_and_light(tmp_path):
    probe, console = look(samples.single(), tmp_path)
    assert_drawn(probe, console, ALL)
    assert probe["paper"] == "rgb(250, 249, 246)"
    assert probe["drawings"] == 1
    texts = {chart["name"]: chart["texts"] for chart in probe["charts"]}
    assert "1,850" not in " ".join(texts["forecast"])  # years are no thousands
    assert {"observed", "forecast", "80 % interval", "95 % interval"} <= set(texts["forecast"])
    assert {"network", "repeat-last", "seasonal-naive", "drift", "mean"} <= set(texts["horizon"])


def test_every_chart_is_drawn_narrow_and_dark_with_hostile_names(tmp_path):
    probe, console = look(samples.several(), tmp_path, width=500, dark=True)
    assert_drawn(probe, console, ALL)
    assert probe["paper"] == "rgb(19, 21, 25)"
    assert "rgb(235, 233, 228)" in probe["strokes"]  # the dark theme's ink
    assert "sales <all> & {{ more }}.csv" in probe["text"]
    assert "sales <b>EUR</b>" in probe["charts"][0]["texts"]


def test_picking_a_series_and_a_stretch_of_time_redraws(tmp_path):
    action = """
    const wait = (ms) => new Promise((done) => setTimeout(done, ms));
    const chart = document.querySelector("[data-series=forecast]");
    const range = () => chart.layout.yaxis.range.slice();
    probe.first = range();
    const views = [...document.querySelectorAll("#views button")];
    probe.views = views.map((b) => b.textContent);
    probe.before = chart.layout.xaxis.range.slice();
    views.find((b) => b.textContent === "Forecast").click();
    await wait(500);
    probe.after = chart.layout.xaxis.range.slice();
    const pressed = views.filter((b) => b.getAttribute("aria-pressed") === "true");
    probe.pressed = pressed.map((b) => b.textContent);
    probe.zoomed = range();
    const select = document.getElementById("series");
    select.value = "1";
    select.dispatchEvent(new Event("change"));
    await wait(500);
    probe.second = range();
    probe.name = document.querySelector(".series-name").textContent;
    document.getElementById("previous").click();
    document.getElementById("previous").click();
    await wait(500);
    probe.last = select.selectedOptions[0].textContent;
    """
    probe, console = look(samples.several(), tmp_path, action=action)
    assert_drawn(probe, console, ALL)
    assert probe["views"] == ["All", "Recent", "Forecast"]
    assert probe["pressed"] == ["Forecast"]
    assert probe["before"] != probe["after"]
    assert probe["name"] == samples.NASTY_IDS[1]
    assert probe["second"][1] > 5 * probe["first"][1]  # the second series is ten times the first
    assert probe["last"] == "mostly missing"


@pytest.mark.parametrize(
    ("report", "names"),
    [
        (samples.single(error=3.0, horizon=1), ALL),
        (samples.bare(), ["forecast"]),
        (samples.single(series=[], scores=None, history=[]), []),
    ],
    ids=["one-step-ahead", "bare", "nothing"],
)
def test_pages_with_little_to_show_are_whole(tmp_path, report, names):
    probe, console = look(report, tmp_path, width=900)
    assert_drawn(probe, console, names)
