// A click on a point of a chart shows its network; zooming filters the table; downloads.
(() => {
  "use strict";
  const made = (kind, text, parent) => {
    const node = document.createElement(kind);
    if (text !== null) node.textContent = text; // never HTML: texts may come from files
    parent.append(node);
    return node;
  };

  const table = (heads, rows, parent) => {
    const around = made("div", null, parent);
    around.className = "scroll";
    around.tabIndex = 0;
    const node = made("table", null, around);
    const line = (cells, kind, place) => {
      const row = made("tr", null, place);
      cells.forEach((cell, at) => {
        made(at || kind === "td" ? kind : "th", cell, row).className = at < 2 ? "left" : "";
      });
    };
    line(heads, "th", made("thead", null, node));
    const body = made("tbody", null, node);
    for (const row of rows) line(row, "td", body);
  };

  const show = (place, id, network) => {
    place.replaceChildren();
    made("h3", id, place);
    made("p", network.costs.map(([name, value]) => `${name} ${value}`).join(" \u00b7 "), place);
    table(["stage", "operator", "channels", "blocks", "from"], network.stages, place);
    for (const command of network.commands) made("pre", command, place);
  };

  const csv = (networks) => {
    const names = Object.keys(Object.values(networks)[0].figures);
    const cell = (value) => {
      const text = value === null || value === undefined ? "" : String(value);
      return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    const rows = Object.entries(networks).map(
      ([id, network]) => [id, ...names.map((name) => network.figures[name])].map(cell).join(","),
    );
    return [["id", ...names].join(","), ...rows].join("\n") + "\n";
  };

  const save = (text, name, type) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  };

  for (const part of document.querySelectorAll(".picked")) {
    const networks = JSON.parse(part.querySelector("script").textContent);
    const chart = document.getElementById(part.dataset.chart);
    const rows = [...document.querySelectorAll(`#${part.dataset.table} tbody tr`)];
    if (!window.Plotly || !chart || !chart.on) continue;
    part.hidden = false;
    const place = {};
    for (const trace of chart.data) {
      (trace.customdata || []).forEach((id, at) => { place[id] = trace.x[at]; });
    }
    chart.on("plotly_click", (event) => {
      const id = event.points.map((point) => point.customdata).find((one) => one in networks);
      if (id) show(part.querySelector(".shown"), id, networks[id]);
    });
    chart.on("plotly_relayout", () => {
      const axis = chart.layout.xaxis;
      const seen = axis.type === "log" ? (x) => Math.log10(x) : (x) => x;
      const [low, high] = axis.autorange ? [-Infinity, Infinity] : axis.range.map(Number);
      for (const row of rows) {
        const x = seen(place[row.cells[0].textContent]);
        row.hidden = x < low || x > high;
      }
    });
    for (const button of part.querySelectorAll("button")) {
      button.addEventListener("click", () => {
        const json = button.dataset.as === "json";
        const text = json ? JSON.stringify(networks, null, 1) : csv(networks);
        const name = `${part.dataset.file}.${button.dataset.as}`;
        save(text, name, json ? "application/json" : "text/csv");
      });
    }
  }
})();
