(function () {
  "use strict";

  const figures = JSON.parse(document.getElementById("figures").textContent);
  const narrow = window.matchMedia("(max-width: 46rem)");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  let current = 0; // the series shown

  // Figures name their colours "@name"; the page's styles say what each is in this theme.
  function coloured(value, style) {
    if (Array.isArray(value)) return value.map((item) => coloured(item, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, coloured(v, style)]));
    }
    if (typeof value === "string" && value[0] === "@") {
      return style.getPropertyValue("--" + value.slice(1)).trim() || value;
    }
    return value;
  }

  // Draw a figure into its place, or draw it again there (another series, theme or width).
  function draw(element, figure) {
    const style = getComputedStyle(document.documentElement);
    const layout = coloured(figure.layout, style);
    layout.font.family = getComputedStyle(document.body).fontFamily;
    layout.yaxis.fixedrange = true;
    layout.dragmode = narrow.matches ? false : "zoom";
    layout.xaxis.fixedrange = narrow.matches && !layout.xaxis.rangeslider;
    if (narrow.matches) {
      layout.margin.l = 44;
      layout.font.size = layout.legend.font.size = 12;
      if (layout.xaxis.rangeslider) layout.xaxis.rangeslider.thickness = 0.12;
    }
    const config = {
      responsive: true,
      displaylogo: false,
      displayModeBar: figure.views && !narrow.matches,
      modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
      doubleClick: "reset",
    };
    if (figure.views && layout.xaxis.range) {
      layout.xaxis.range = withRoom(layout.xaxis.range);
      layout.xaxis.rangeslider.range = withRoom(figure.views.All);
      fitHeight(layout, figure.data, layout.xaxis.range);
    }
    element.figure = figure;
    return Plotly.react(element, coloured(figure.data, style), layout, config).then(
      () => element.classList.add("drawn"),
      (problem) => fail(element, problem)
    );
  }

  function fail(element, problem) {
    const note = document.createElement("p");
    note.className = "failed";
    note.textContent = "This chart could not be drawn: " + problem;
    element.replaceChildren(note);
    console.error(problem);
  }

  // Milliseconds or plain number of a place on a time axis; times bear no zone.
  function place(x) {
    if (typeof x === "number") return x;
    const text = x.replace(" ", "T");
    return Date.parse(text.length > 10 ? text + "Z" : text);
  }

  // A stretch of time with a little room after its end, so that the last point is not cut.
  function withRoom(range) {
    const [from, to] = range.map(place);
    return [from, to + 0.015 * (to - from)];
  }

  // The height that shows everything between two times.
  function fitHeight(layout, traces, range) {
    const [from, to] = range ? range.map(place) : [-Infinity, Infinity];
    let low = Infinity, high = -Infinity;
    for (const trace of traces) {
      if (trace.visible === "legendonly") continue;
      trace.x.forEach((x, index) => {
        const y = trace.y[index], at = place(x);
        if (y === null || at < from || at > to) return;
        low = Math.min(low, y);
        high = Math.max(high, y);
      });
    }
    if (low > high) return;
    const room = 0.06 * (high - low) || Math.abs(high) * 0.1 || 1;
    layout.yaxis.range = [low - room, high + room];
    layout.yaxis.autorange = false;
  }

  function refit(element) {
    const axis = element.layout.xaxis;
    const layout = { yaxis: {} };
    fitHeight(layout, element.data, axis.autorange ? null : axis.range);
    if (layout.yaxis.range) Plotly.relayout(element, { "yaxis.range": layout.yaxis.range });
  }

  function watchZoom(element) {
    let timer = 0;
    element.on("plotly_relayout", (change) => {
      if (!Object.keys(change).some((key) => key.startsWith("xaxis"))) return;
      if (!("elmanView" in change)) markView(null);
      clearTimeout(timer);
      timer = setTimeout(() => refit(element), 60);
    });
  }

  function markView(name) {
    for (const button of document.querySelectorAll("#views button")) {
      button.setAttribute("aria-pressed", String(button.textContent === name));
    }
  }

  function offerViews(element, views) {
    const bar = document.getElementById("views");
    bar.replaceChildren();
    const names = Object.keys(views || {});
    if (names.length < 2) return;
    for (const name of names) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.addEventListener("click", () => {
        Plotly.relayout(element, { "xaxis.range": withRoom(views[name]) }).then(() => markView(name));
      });
      bar.append(button);
    }
    markView("Recent" in views ? "Recent" : "All");
  }

  function showSeries(number) {
    current = number;
    const series = figures.series[number];
    for (const element of document.querySelectorAll("[data-series]")) {
      const figure = series.figures[element.dataset.series];
      element.closest("figure").hidden = !figure;
      if (!figure) continue;
      draw(element, figure);
      if (element.dataset.series === "forecast") {
        offerViews(element, figure.views);
        if (!element.watched) {
          element.watched = true;
          watchZoom(element);
        }
      }
    }
    for (const name of document.querySelectorAll(".series-name")) name.textContent = series.id;
    const residuals = document.getElementById("residual-section");
    if (residuals) residuals.hidden = !series.figures.residuals;
    const select = document.getElementById("series");
    if (select) select.value = String(number);
  }

  function drawAll() {
    for (const element of document.querySelectorAll("[data-whole]")) {
      draw(element, figures.whole[element.dataset.whole]);
    }
    if (figures.series.length) showSeries(current);
  }

  function watchPicker() {
    const select = document.getElementById("series");
    if (!select) return;
    const count = figures.series.length;
    select.addEventListener("change", () => showSeries(Number(select.value)));
    const step = (by) => () => showSeries((current + by + count) % count);
    document.getElementById("previous").addEventListener("click", step(-1));
    document.getElementById("next").addEventListener("click", step(1));
  }

  watchPicker();
  drawAll();
  dark.addEventListener("change", drawAll);
  narrow.addEventListener("change", drawAll);
})();
