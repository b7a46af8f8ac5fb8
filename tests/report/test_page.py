import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
import samples

from elman.errors import InputError
from elman.report import LayerView, NetworkView, redraw, render, write_report
from elman.report.diagram import network_svg
from elman.runs import Run

RECT = re.compile(r'<rect [^>]*x="(\S+)" y="(\S+)" width="(\S+)" height="(\S+)"')
VOID = {"meta", "path", "circle", "br", "rect", "input", "link"}


class Outline(HTMLParser):
    """Collects the text, ids and addresses of a page and checks that its tags are balanced."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.addresses, self.text = [], [], [], []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if "id" in attributes:
            self.ids.append(attributes["id"])
        self.addresses += [v for k, v in attributes.items() if k in ("src", "href", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)


def outline(html):
    parser = Outline()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser


@pytest.mark.parametrize("make", [samples.single, samples.several, samples.bare])
def test_the_page_is_whole_and_fetches_nothing(make):
    page = outline(render(make()))
    assert len(page.ids) == len(set(page.ids))
    assert page.addresses == []


def test_a_handful_of_residuals_is_not_drawn():
    report = samples.single()
    assert '"autocorrelation":{' in render(report)
    report.series[0].residuals = [*report.series[0].residuals[:7], None]
    assert '"autocorrelation":{' not in render(report)


def test_what_a_user_wrote_is_text_and_never_markup():
    html = render(samples.several())
    assert html.count("<script") == len(
        re.findall(r"<script(?: type=\"application/json\"[^>]*)?>", html)
    )
    assert "<script>throw" not in html
    assert "<i>weather</i>" not in html
    text = " ".join(outline(html).text)
    assert "</script><script>throw 'escaped'</script>" in text
    assert "sales <all> & {{ more }}.csv" in text
    figures = json.loads(re.search(r'id="figures">(.*?)</script>', html, re.DOTALL)[1])
    assert [one["id"] for one in figures["series"]] == samples.NASTY_IDS


def test_a_title_like_the_place_of_the_script_moves_nothing():
    html = render(samples.single(title="/* plotly.js */", command="/* plotly.js */"))
    assert '<h1 id="title">/* plotly.js */<' in html
    assert "<code>/* plotly.js */</code>" in html
    assert len(html) > 1_000_000


def test_the_score_table_marks_the_best_and_gives_reasons():
    report = samples.single(error=0.05)
    report.scores.table["network"]["mase"] = None
    report.scores.undefined["mase"] = "the training part is constant"
    html = render(report)
    assert "MASE: the training part is constant." in html
    row = re.search(r'<tr class="judged">.*?</tr>', html, re.DOTALL)[0]
    cells = re.findall(r"<td( class=\"best\")?>([^<]*)", row)
    assert [bool(best) for best, _ in cells[:4]] == [True, True, True, False]
    assert cells[3][1] == "–"


def test_the_page_is_drawn_again_from_the_run_folder(tmp_path):
    run = Run.create(tmp_path / "run")
    page = write_report(run, samples.several())
    first = page.read_text("utf-8")
    page.unlink()
    assert redraw(Run.open(run.path)) == page
    assert page.read_text("utf-8") == first
    run.write_text("report.json", "{}")
    with pytest.raises(InputError, match="content version"):
        redraw(run)


@pytest.mark.parametrize("down", [False, True])
def test_the_network_is_drawn_with_shapes_counts_and_its_feedback(down):
    svg = network_svg(samples.network(), down)
    outline(svg)
    for text in ("GRU", "16 units", "912 parameters", "8 × 16", "6 × 5", "Dense"):
        assert f">{text}<" in svg
    assert svg.count("flow state") == 1
    assert network_svg(samples.network(recurrent=False), down).count("flow state") == 0
    nasty = samples.network()
    nasty.layers[0].kind = nasty.layers[0].detail = "<b>&\"'"
    assert "<b>" not in network_svg(nasty, down)


def test_a_long_network_goes_on_in_another_row_inside_its_frame():
    layers = [LayerView("GRU", f"{n} units", "8 x 16", 10, recurrent=True) for n in range(9)]
    svg = network_svg(NetworkView("values", "8 x 3", layers))
    width, height = map(float, re.search(r'viewBox="0 0 (\S+) (\S+)"', svg).groups())
    rects = [tuple(map(float, one)) for one in RECT.findall(svg)]
    assert len(rects) == 11
    assert width <= 1100
    assert len({y for _, y, _, _ in rects}) == 3
    for n, (x, y, w, h) in enumerate(rects):
        assert x >= 0
        assert y >= 0
        assert x + w <= width
        assert y + h <= height
        for other_x, other_y, *_ in rects[:n]:
            assert abs(x - other_x) >= 140 or abs(y - other_y) >= h


def test_writing_a_report_imports_no_slow_part_of_plotly():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import samples, elman.report as r; "
        "r.render(samples.single()); "
        "print(sorted(m for m in sys.modules if m in "
        "('plotly.graph_objs', 'pandas', 'polars', 'narwhals', 'torch', 'plotly.figure_factory')))"
    )
    folder = samples.__file__.rsplit("samples", 1)[0]
    done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_numbers_keep_their_signs_and_their_per_cent():
    from elman.report import page

    assert page._signed("-0.0126") == "−0.0126" and page._signed("-") == "-"
    assert page._unbroken("(1 % stated)") == "(1\u00a0% stated)"


def test_every_box_of_the_drawing_says_something_and_every_arrow_bears_a_shape():
    layers = [
        LayerView("GRU", "8 units", "8", 240, True),
        LayerView("Dropout"),
        LayerView("Dense", "", "2", 18),
    ]
    drawing = network_svg(NetworkView("steps", "T x 1", layers, "2 classes"))
    assert "in training only" in drawing
    assert re.findall(r'class="shape" [^>]*>([^<]*)<', drawing).count("8") == 2
