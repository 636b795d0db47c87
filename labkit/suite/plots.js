// Draws a lesson's plotly figures where the page left room for them, and thumbnails of any figure.
// Needs plotly.min.js and NAME.figures.js, which fills window.labkitFigures[NAME].
"use strict";

// Text takes the page's colour, light or dark, unless the figure chose its own.
const labkitInk = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function labkitDraw(stage, figure, still) {
  const { data, layout = {}, config = {} } = structuredClone(figure.value);
  layout.font = { ...layout.font, color: labkitInk("--ink") };
  layout.paper_bgcolor ??= "rgba(0,0,0,0)";
  layout.plot_bgcolor ??= "rgba(0,0,0,0)";
  if (still) Object.assign(layout, { width: stage.clientWidth, height: stage.clientHeight, autosize: false });
  return Plotly.newPlot(stage, data, layout, { ...config, displaylogo: false, responsive: !still, staticPlot: still });
}

// As soon as something comes near the window, once.
function labkitWhenSeen(elements, act) {
  const watch = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watch.unobserve(target);
      act(target);
    }
  }, { rootMargin: "600px" });
  for (const element of elements) watch.observe(element);
}

function labkitDrawPage(name) {
  const figures = (window.labkitFigures ?? {})[name] ?? [];
  labkitWhenSeen(document.querySelectorAll(".plot[data-figure]"), (stage) => {
    const figure = figures[Number(stage.dataset.figure)];
    if (figure) labkitDraw(stage, figure, false).catch((error) => { stage.textContent = String(error); });
  });
}

// One thumbnail: the figure at full size, scaled down, so that it looks as it does in the lesson.
function labkitThumbnail(stage, figure, css) {
  const inner = document.createElement("div");
  inner.className = `inner ${figure.kind}`;
  stage.append(inner);
  if (figure.kind === "plotly") return labkitDraw(inner, figure, true);
  const content = document.createElement(figure.kind === "image" ? "img" : "iframe");
  content.tabIndex = -1;
  content.title = figure.label;
  if (figure.kind === "image") {
    content.src = figure.value;
    content.alt = figure.label;
  } else {
    content.sandbox = "allow-scripts";
    content.srcdoc = `<!doctype html><style>${css} body { padding: 12px; overflow: hidden; }</style>${figure.value}`;
  }
  inner.append(content);
}

// Thumbnails of one lesson: its figures' file is fetched when the row comes into view.
function labkitThumbnails(row, css) {
  const script = document.createElement("script");
  script.src = row.dataset.figures;
  script.onload = () => {
    const figures = (window.labkitFigures ?? {})[row.dataset.name] ?? [];
    for (const figure of figures.slice(0, Number(row.dataset.most))) {
      const link = document.createElement("a");
      link.className = "thumbnail";
      link.href = `${row.dataset.page}#${figure.kind === "plotly" ? `figure-${figure.id}` : ""}`;
      link.title = figure.label;
      const stage = document.createElement("div");
      stage.className = "stage";
      link.append(stage);
      row.append(link);
      Promise.resolve(labkitThumbnail(stage, figure, css)).catch(() => link.remove());
    }
    if (!figures.length) row.remove();
  };
  script.onerror = () => row.remove();
  document.head.append(script);
}
