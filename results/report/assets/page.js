// Draws the charts in the page's colours, again when theme, width or medium change.
(() => {
  "use strict";
  const root = document.documentElement;
  const narrow = () => window.innerWidth < 600;
  const specs = [...document.querySelectorAll("script.spec")].map((node) => ({
    place: document.getElementById(node.dataset.for),
    spec: JSON.parse(node.textContent),
  }));

  // Charts name colours as var(--name): the stylesheet is the one place that has them.
  const coloured = (value, style) => {
    if (typeof value === "string") {
      const found = /^var\((--[a-z0-9]+)\)$/.exec(value);
      return found ? style.getPropertyValue(found[1]).trim() : value;
    }
    if (Array.isArray(value)) return value.map((one) => coloured(one, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, coloured(v, style)]));
    }
    return value;
  };

  const draw = (width) => {
    if (!window.Plotly) return;
    const style = getComputedStyle(root);
    const touch = window.matchMedia("(pointer: coarse)").matches;
    for (const { place, spec } of specs) {
      const { data, layout } = coloured(spec, style);
      if (width) layout.width = Math.min(width, place.clientWidth || width);
      if (touch) layout.dragmode = false; // a finger scrolls the page
      if (narrow()) layout.margin = { ...layout.margin, l: 8, r: 14 };
      Plotly.react(place, data, layout, {
        responsive: !width,
        displaylogo: false,
        displayModeBar: touch ? false : "hover",
        modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
      });
    }
  };

  const themes = ["system", "light", "dark"];
  const button = document.getElementById("theme");
  let theme = "system";
  const apply = (next) => {
    theme = next;
    if (next === "system") delete root.dataset.theme;
    else root.dataset.theme = next;
    button.textContent = `Theme: ${next}`;
    draw();
  };
  button.addEventListener("click", () => {
    apply(themes[(themes.indexOf(theme) + 1) % themes.length]);
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());

  // Paper is white, and folded tables are open on it, but for those of several pages.
  const folded = "details:not([open]):not([data-long])";
  let kept = null;
  const beforePrint = () => {
    if (kept) return;
    kept = { theme: root.dataset.theme, closed: [...document.querySelectorAll(folded)] };
    for (const one of kept.closed) one.open = true;
    root.dataset.theme = "light";
    draw(680);
  };
  const afterPrint = () => {
    if (!kept) return;
    for (const one of kept.closed) one.open = false;
    if (kept.theme) root.dataset.theme = kept.theme;
    else delete root.dataset.theme;
    kept = null;
    draw();
  };
  window.addEventListener("beforeprint", beforePrint);
  window.addEventListener("afterprint", afterPrint);
  window.matchMedia("print").addEventListener("change", (event) => {
    if (event.matches) beforePrint();
    else afterPrint();
  });

  for (const copy of document.querySelectorAll(".copy")) {
    copy.addEventListener("click", async () => {
      const code = copy.closest("figure").querySelector("code");
      try {
        await navigator.clipboard.writeText(code.textContent);
        copy.textContent = "Copied";
      } catch {
        window.getSelection().selectAllChildren(code); // the reader's own Ctrl-C
        copy.textContent = "Selected";
      }
      setTimeout(() => { copy.textContent = "Copy"; }, 2000);
    });
  }
  draw();
})();
