"use strict";
(async () => {
  let figures;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const places = [...document.querySelectorAll(".plot")];
  let paper = null; // the width in pixels while printing

  async function unpacked(id) {
    const packed = atob(document.getElementById(id).textContent);
    const bytes = Uint8Array.from(packed, (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }

  async function load() {
    const script = document.createElement("script");
    script.textContent = await unpacked("plotly");
    document.head.append(script);
    figures = JSON.parse(await unpacked("figures"));
  }

  function coloured(figure) {
    let text = JSON.stringify(figure);
    if (dark.matches && paper === null) {
      for (const [light, other] of Object.entries(figures.dark)) text = text.replaceAll(light, other);
    }
    return JSON.parse(text);
  }

  function draw(place) {
    const { data, layout } = coloured(figures.figures[place.dataset.figure]);
    const narrow = place.clientWidth < 560;
    if (narrow) {
      layout.margin = { ...layout.margin, l: 48, r: 8 };
      layout.dragmode = false; // a finger scrolls the page
    }
    if (paper !== null) layout.width = paper;
    layout.autosize = paper === null;
    const config = { responsive: true, displaylogo: false, displayModeBar: narrow ? false : "hover" };
    config.modeBarButtonsToRemove = ["select2d", "lasso2d", "autoScale2d"];
    return Plotly.react(place, data, layout, config);
  }

  const drawAll = () => Promise.all(places.map(draw));
  try {
    await load();
    await drawAll();
    document.documentElement.dataset.drawn = "yes";
    dark.addEventListener("change", drawAll);
    addEventListener("beforeprint", () => { paper = 680; drawAll(); });
    addEventListener("afterprint", () => { paper = null; drawAll(); });
  } catch (error) {
    for (const place of places) place.textContent = "This browser cannot draw the figure: " + error;
  }
})();
