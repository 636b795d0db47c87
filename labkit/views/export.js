// Runs in a page of its own, in a browser without a window: turns what is drawn there into one SVG, or a PNG of it.
// Reads FORMAT and SCALE, which export.py wrote; leaves base64 in <pre id="out">.
"use strict";
const SVG = "http://www.w3.org/2000/svg", clear = c => /rgba\(.*, 0\)|transparent/.test(c);
const KEPT = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "opacity", "font-family",
  "font-size", "font-weight", "text-anchor"];
const make = (name, attributes, ...children) => {
  const e = document.createElementNS(SVG, name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, typeof v === "number" ? +v.toFixed(2) : v);
  e.append(...children);
  return e;
};
const pencil = document.createElement("canvas").getContext("2d");
const segments = new Intl.Segmenter(undefined, { granularity: "grapheme" });

function svgOf(root) {
  const box = root.getBoundingClientRect(), pad = 8, out = make("g", { transform: `translate(${pad} ${pad})` });
  let gradients = 0;
  const line = (x1, y1, x2, y2, stroke, width) => out.append(make("line", { x1, y1, x2, y2, stroke, "stroke-width": width }));
  function borders(style, x, y, w, h) {
    const edge = side => parseFloat(style[`border${side}Width`]) * (style[`border${side}Style`] !== "none");
    const ink = side => style[`border${side}Color`];
    const [l, r, t, b] = ["Left", "Right", "Top", "Bottom"].map(edge);
    if (l) line(x + l / 2, y, x + l / 2, y + h, ink("Left"), l);
    if (r) line(x + w - r / 2, y, x + w - r / 2, y + h, ink("Right"), r);
    if (t) line(x, y + t / 2, x + w, y + t / 2, ink("Top"), t);
    if (b) line(x, y + h - b / 2, x + w, y + h - b / 2, ink("Bottom"), b);
    const o = style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
    if (o) out.append(make("rect", { x, y, width: w, height: h, fill: "none", stroke: style.outlineColor, "stroke-width": o,
      ...(style.outlineStyle === "dotted" && { "stroke-dasharray": `${o} ${o}` }) }));
  }
  function background(style, x, y, width, height) {
    let fill = clear(style.backgroundColor) ? "" : style.backgroundColor;
    const stops = style.backgroundImage.match(/rgba?\([^)]*\)/g);
    if (stops) {
      const id = `gradient-${++gradients}`;
      out.append(make("linearGradient", { id }, ...stops.map((c, i) =>
        make("stop", { offset: i / (stops.length - 1), "stop-color": c }))));
      fill = `url(#${id})`;
    }
    if (fill) out.append(make("rect", { x, y, width, height, rx: parseFloat(style.borderTopLeftRadius) || 0, fill }));
  }
  function words(node) {  // one <text> for each line that the node's words take
    const style = getComputedStyle(node.parentElement), range = document.createRange(), lines = [];
    let tabbed = false;
    for (const { segment, index } of segments.segment(node.data)) {
      range.setStart(node, index); range.setEnd(node, index + segment.length);
      const r = range.getClientRects()[0];
      if (!r || !r.width || /[\r\n\t]/.test(segment)) { tabbed ||= segment === "\t"; continue; }
      const last = tabbed ? null : lines.at(-1);
      tabbed = false;
      if (last && Math.abs(last.top - r.top) < 2) {
        last.text += segment; last.left = Math.min(last.left, r.left); last.right = Math.max(last.right, r.right);
      } else lines.push({ text: segment, left: r.left, right: r.right, top: r.top, height: r.height });
    }
    pencil.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const { fontBoundingBoxAscent: up, fontBoundingBoxDescent: down } = pencil.measureText("x");
    for (const l of lines) if (l.text.trim()) out.append(make("text", {
      x: l.left - box.left, y: l.top - box.top + (l.height - up - down) / 2 + up, "font-family": style.fontFamily,
      "font-size": style.fontSize, "font-weight": style.fontWeight, fill: style.color, "xml:space": "preserve",
      style: "white-space:pre", textLength: l.right - l.left, lengthAdjust: "spacingAndGlyphs" }, l.text));
  }
  function picture(node, x, y) {  // an SVG of the page, with the styles that reach it written into its elements
    const copy = node.cloneNode(true), from = [node, ...node.querySelectorAll("*")], to = [copy, ...copy.querySelectorAll("*")];
    from.forEach((e, i) => {
      const style = getComputedStyle(e);
      for (const a of [...to[i].attributes]) if (/^(on|data-|aria-|role|tabindex|class|style)/.test(a.name)) to[i].removeAttribute(a.name);
      for (const k of KEPT) to[i].setAttribute(k, style.getPropertyValue(k));
    });
    copy.querySelectorAll("style").forEach(e => e.remove());
    const { width, height } = node.getBoundingClientRect();  // as styles made it, which do not travel
    for (const [k, v] of Object.entries({ x, y, width, height })) copy.setAttribute(k, v);
    out.append(copy);
  }
  (function walk(node) {
    if (node.nodeType === Node.TEXT_NODE) return words(node);
    if (node.nodeType !== Node.ELEMENT_NODE || /^(STYLE|SCRIPT|BUTTON)$/.test(node.tagName)) return;
    const style = getComputedStyle(node), all = [...node.getClientRects()];
    if (!all.length || style.visibility === "hidden") return;
    const x = all[0].left - box.left, y = all[0].top - box.top;
    if (node.tagName === "CANVAS") {
      out.append(make("image", { x, y, width: all[0].width, height: all[0].height, href: node.toDataURL() }));
    } else if (node.tagName === "svg") picture(node, x, y);
    else {
      for (const r of all) background(style, r.left - box.left, r.top - box.top, r.width, r.height);
      node.childNodes.forEach(walk);
      for (const r of all) borders(style, r.left - box.left, r.top - box.top, r.width, r.height);
    }
  })(root);
  const [width, height] = [Math.ceil(Math.max(box.width, root.scrollWidth)) + 2 * pad, Math.ceil(box.height) + 2 * pad];
  const whole = make("svg", { xmlns: SVG, width, height, viewBox: `0 0 ${width} ${height}` },
    make("rect", { width, height, fill: "#fff" }), out);
  return new XMLSerializer().serializeToString(whole);
}
async function raster(svg) {
  const image = new Image();
  image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(svg);
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.width * SCALE; canvas.height = image.height * SCALE;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL().split(",")[1];
}
const base64 = text => btoa([...new TextEncoder().encode(text)].map(b => String.fromCharCode(b)).join(""));
(async () => {
  const plot = document.querySelector(".js-plotly-plot");
  while (plot ? !plot._fullLayout : document.querySelector("canvas") && !document.body.dataset.drawn)
    await new Promise(done => setTimeout(done, 20));
  await document.fonts.ready;
  const svg = plot ? decodeURIComponent((await Plotly.toImage(plot, { format: "svg" })).split(/,(.*)/s)[1])
    : svgOf(document.querySelector(".labkit") || document.body);
  const out = document.createElement("pre");
  out.id = "out";
  out.textContent = FORMAT === "svg" ? base64(svg) : await raster(svg);
  document.body.replaceChildren(out);
})();
