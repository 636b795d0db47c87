// The attention view. Runs inside its frame; reads `view`, which attention.py wrote; knows nothing of the page.
"use strict";
const LIGHT = { low: [246, 246, 246], mid: [86, 180, 233], high: [0, 45, 90], text: "#222", faint: "#666", line: "#bbb" };
const DARK = { low: [34, 34, 34], mid: [0, 114, 178], high: [214, 240, 255], text: "#ddd", faint: "#aaa", line: "#666" };
const KIND = { sink: "#808080", previous: "#0072B2", self: "#CC79A7", duplicate: "#E69F00", induction: "#D55E00", local: "#56B4E9", broad: "#009E73" };
const $ = id => document.getElementById(id);
const { rows, cols, pool, causal } = view, Q = view.queries.length, K = view.keys.length, top1 = (1 << view.bits) - 1;
const perMap = causal ? rows * (rows + 1) / 2 : rows * cols;
let cells, edges, theme, scale, layer = view.open[0], head = view.open[1], query = view.open[2], pinned = false;

const inflate = async text => {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer());
};
const at = (map, q, k) => {  // quantised square root of a weight
  if (causal && k > q) return 0;
  const i = map * perMap + (causal ? q * (q + 1) / 2 + k : q * cols + k);
  return view.bits === 8 ? cells[i] : (i & 1 ? cells[i >> 1] & 15 : cells[i >> 1] >> 4);
};
const weight = step => (step / top1) ** 2;
const name = (l, h) => `L${view.layers[l]}H${view.heads[h]}`;
const kind = (l, h) => view.classes.length ? view.classes[l][h] : "";
const shown = w => w >= 0.995 ? "1.00" : w.toFixed(2).replace(/^0/, "");
const quoted = t => "“" + t.replace(/^ /, "␣").replace(/\n/g, "↵") + "”";

function readTheme() {
  theme = document.documentElement.dataset.theme === "dark" ? DARK : LIGHT;
  scale = Array.from({ length: 256 }, (_, i) => {
    const x = i / 255, [a, b, t] = x < .5 ? [theme.low, theme.mid, x * 2] : [theme.mid, theme.high, x * 2 - 1];
    return a.map((v, j) => Math.round(v + (b[j] - v) * t));
  });
}
const paint = (pixels, i, step) => {
  const c = scale[step * 255 / top1 | 0];
  pixels[i] = c[0]; pixels[i + 1] = c[1]; pixels[i + 2] = c[2]; pixels[i + 3] = 255;
};

// One map into an image of w × h pixels: the strongest cell under a pixel colours it. What a decoder cannot see stays clear.
function drawMap(pixels, stride, x0, y0, w, h, map) {
  for (let y = 0; y < h; y++) {
    const q0 = y * rows / h | 0, q1 = Math.max(q0 + 1, (y + 1) * rows / h | 0);
    for (let x = 0; x < w; x++) {
      const k0 = x * cols / w | 0, k1 = Math.max(k0 + 1, (x + 1) * cols / w | 0);
      if (causal && k0 >= q1) continue;
      let best = 0;
      for (let q = q0; q < q1; q++) for (let k = k0; k < k1; k++) { const s = at(map, q, k); if (s > best) best = s; }
      paint(pixels, 4 * ((y0 + y) * stride + x0 + x), best);
    }
  }
}

// The grid: the longer of layers and heads from left to right; the bar under a map shows its class.
const T = view.thumb, GAP = 3, BAR = 3, LEFT = 30, TOP = 18, NL = view.layers.length, NH = view.heads.length;
const flat = NL >= NH, ACROSS = flat ? NL : NH, DOWN = flat ? NH : NL;
const cellX = (l, h) => LEFT + (flat ? l : h) * (T + GAP), cellY = (l, h) => TOP + (flat ? h : l) * (T + BAR + GAP);
let gridImage;
function drawGrid() {
  const canvas = $("grid"), ratio = devicePixelRatio || 1;
  const w = LEFT + ACROSS * (T + GAP), h = TOP + DOWN * (T + BAR + GAP);
  canvas.width = w * ratio; canvas.height = h * ratio; canvas.style.width = w + "px"; canvas.style.height = h + "px";
  const c = canvas.getContext("2d", { willReadFrequently: true }), side = Math.round(T * ratio);
  for (let l = 0; l < NL; l++) for (let i = 0; i < NH; i++) {
    const image = c.createImageData(side, side);
    drawMap(image.data, side, 0, 0, side, side, l * NH + i);
    c.putImageData(image, Math.round(cellX(l, i) * ratio), Math.round(cellY(l, i) * ratio));
  }
  c.scale(ratio, ratio);
  c.font = "10px system-ui, sans-serif"; c.fillStyle = theme.faint; c.textAlign = "center";
  const layerName = l => "L" + view.layers[l], headName = h => "H" + view.heads[h], every = ACROSS > 20 ? 2 : 1;
  for (let i = 0; i < ACROSS; i += every) c.fillText((flat ? layerName : headName)(i), cellX(i, i) + T / 2, 12);
  c.textAlign = "right";
  for (let i = 0; i < DOWN; i++) c.fillText((flat ? headName : layerName)(i), LEFT - 6, cellY(i, i) + T / 2 + 3);
  for (let l = 0; l < NL; l++) for (let i = 0; i < NH; i++) if (kind(l, i)) {
    c.fillStyle = KIND[kind(l, i)] || theme.faint; c.fillRect(cellX(l, i), cellY(l, i) + T, T, BAR);
  }
  gridImage = c.getImageData(0, 0, canvas.width, canvas.height);
}
function markHead() {
  const c = $("grid").getContext("2d");
  c.putImageData(gridImage, 0, 0);
  c.strokeStyle = "#D55E00"; c.lineWidth = 2;
  c.strokeRect(cellX(layer, head) - 1.5, cellY(layer, head) - 1.5, T + 3, T + BAR + 3);
}

// The large map: tokens on its sides while they fit.
const LABELS = Q <= 36 && K <= 36, AXIS = LABELS ? 82 : 34, WORDS = 238, MOST = Math.max(Q, K);
// As large as fits beside the words; where too little is left, these go below it.
const room = () => {
  const wide = document.body.clientWidth - AXIS, beside = wide - WORDS;
  return Math.max(120, Math.min(400, beside < 200 ? wide : beside));
};
let map;
function drawLarge() {
  const canvas = $("large"), ratio = devicePixelRatio || 1;
  const size = LABELS ? Math.max(8, Math.floor(room() / MOST)) * MOST : room();
  const w = LABELS ? size * K / MOST : size, h = LABELS ? size * Q / MOST : size * Math.min(1, Q / K);
  canvas.width = (w + AXIS) * ratio; canvas.height = (h + AXIS) * ratio;
  canvas.style.width = w + AXIS + "px"; canvas.style.height = h + AXIS + "px";
  const c = canvas.getContext("2d"), pw = Math.round(w * ratio), ph = Math.round(h * ratio), image = c.createImageData(pw, ph);
  drawMap(image.data, pw, 0, 0, pw, ph, layer * NH + head);
  c.putImageData(image, Math.round(AXIS * ratio), Math.round(AXIS * ratio));
  c.scale(ratio, ratio); c.fillStyle = theme.text; c.font = "11px ui-monospace, monospace";
  map = { w, h };
  if (LABELS) {
    const cut = t => { t = t.replace(/^ +| +$/g, "") || t.replace(/ /g, "␣"); t = t.replace(/\n/g, "↵"); return t.length > 11 ? t.slice(0, 10) + "…" : t; };
    c.textAlign = "right"; c.textBaseline = "middle";
    view.queries.forEach((t, i) => { c.globalAlpha = i === query ? 1 : .75; c.fillText(cut(t), AXIS - 5, AXIS + (i + .5) * h / Q); });
    c.textAlign = "left";
    view.keys.forEach((t, i) => { c.save(); c.translate(AXIS + (i + .5) * w / K, AXIS - 5); c.rotate(-Math.PI / 2); c.fillText(cut(t), 0, 0); c.restore(); });
    c.globalAlpha = 1;
  } else {
    c.fillStyle = theme.faint; c.textAlign = "center"; c.fillText(`key: token 0 … ${K - 1}`, AXIS + w / 2, AXIS - 8);
    c.save(); c.translate(AXIS - 10, AXIS + h / 2); c.rotate(-Math.PI / 2); c.fillText(`query: token 0 … ${Q - 1}`, 0, 0); c.restore();
  }
  c.strokeStyle = "#D55E00"; c.lineWidth = 1;
  const cell = query / pool | 0;
  c.strokeRect(AXIS, AXIS + cell * h / rows, causal ? Math.max(2, Math.min(w, (cell + 1) * w / cols)) : w, Math.max(2, h / rows));
}

function looks(q) {  // [key, weight] of one query, strongest first; keys of a pooled block share its weight
  const m = layer * NH + head, found = new Map();
  for (let k = 0; k < cols; k++) {
    const w = weight(at(m, q / pool | 0, k)); if (w <= 0) continue;
    for (let i = k * pool; i < Math.min(K, (k + 1) * pool); i++) if (!causal || i <= q) found.set(i, w / pool);
  }
  for (let e = 0; e < view.edgeCount; e++) {
    const i = (m * Q + q) * view.edgeCount + e, key = edges[2 * i] | edges[2 * i + 1] << 8;
    found.set(key, (edges[2 * NL * NH * Q * view.edgeCount + i] / 255) ** 2);
  }
  return [...found].sort((a, b) => b[1] - a[1]);
}
let spans = [];
function writeTokens() {  // WordPiece tokens carry no spaces of their own: they get a gap, pieces of a word do not
  document.body.classList.toggle("gaps", ![...view.keys, ...view.queries].some(t => t.startsWith(" ")));
  const make = (list, box, role) => list.map((t, i) => {
    const s = document.createElement("span");
    s.textContent = t.replace(/\n/g, "↵"); s.dataset.i = i; s.className = role + (t.startsWith("##") ? " piece" : ""); $(box).append(s); return s;
  });
  spans = { keys: make(view.keys, "tokens", "t"), queries: view.same ? null : make(view.queries, "askers", "t") };
  $("asking").hidden = view.same;
}
function shade() {
  const found = looks(query), c = scale.map(v => `rgb(${v})`);
  for (const s of spans.keys) { s.style.background = ""; s.style.color = ""; s.classList.toggle("q", view.same && +s.dataset.i === query); }
  if (spans.queries) for (const s of spans.queries) s.classList.toggle("q", +s.dataset.i === query);
  for (const [k, w] of found) {
    const step = Math.round(Math.sqrt(w) * 255); if (step < 20) break;
    const lum = scale[step][0] * .3 + scale[step][1] * .59 + scale[step][2] * .11;
    spans.keys[k].style.background = c[step]; spans.keys[k].style.color = lum > 128 ? "#111" : "#fff";
  }
  const approx = view.bits === 4 || pool > 1 ? "≈" : "";
  const first = found.slice(0, 5).filter(f => f[1] >= .005).map(([k, w]) => `${quoted(view.keys[k])} ${approx}${shown(w)}`).join(" · ");
  $("says").textContent = `${quoted(view.queries[query])} looks at ${first}`;
}
function choose(l, h, q) {
  layer = Math.max(0, Math.min(NL - 1, l)); head = Math.max(0, Math.min(NH - 1, h)); query = Math.max(0, Math.min(Q - 1, q));
  if (NL * NH > 1) markHead();
  drawLarge(); shade();
  $("name").textContent = name(layer, head);
  $("kind").textContent = kind(layer, head); $("kind").style.borderColor = KIND[kind(layer, head)] || theme.faint;
  $("kind").hidden = !kind(layer, head);
  $("grid").setAttribute("aria-label", `Head ${name(layer, head)} ${kind(layer, head)}. ${$("says").textContent}`);
}
function legend() {
  const count = {};
  view.classes.flat().forEach(k => count[k] = (count[k] || 0) + 1);
  for (const k of Object.keys(KIND)) if (count[k]) {
    const s = document.createElement("span"), b = document.createElement("i");
    b.style.background = KIND[k]; s.append(b, `${k} ${count[k]}`); $("legend").append(s);
  }
}
function all() {
  document.body.style.color = theme.text; document.body.style.setProperty("--line", theme.line); document.body.style.setProperty("--faint", theme.faint);
  if (NL * NH > 1) drawGrid();
  choose(layer, head, query);
}
function listen() {
  const grid = $("grid"), large = $("large");
  const cell = e => {
    const at = [Math.floor((e.offsetX - LEFT) / (T + GAP)), Math.floor((e.offsetY - TOP) / (T + BAR + GAP))];
    return flat ? at : at.reverse();
  };
  grid.onclick = e => { const [l, h] = cell(e); if (l >= 0 && h >= 0 && l < NL && h < NH) choose(l, h, query); };
  grid.onmousemove = e => { const [l, h] = cell(e); grid.title = l >= 0 && h >= 0 && l < NL && h < NH ? `${name(l, h)} ${kind(l, h)}` : ""; };
  grid.onkeydown = e => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
    if (step) { e.preventDefault(); choose(layer + step[flat ? 0 : 1], head + step[flat ? 1 : 0], query); }
  };
  const ask = e => {
    const q = Math.floor((e.offsetY - AXIS) * Q / map.h), k = Math.floor((e.offsetX - AXIS) * K / map.w);
    if (q < 0 || q >= Q) return;
    if (q !== query && !pinned) choose(layer, head, q);
    if (k >= 0 && k < K && (!causal || k <= q)) large.title = `${quoted(view.queries[q])} → ${quoted(view.keys[k])} ${shown(weight(at(layer * NH + head, q / pool | 0, k / pool | 0)))}`;
  };
  large.onmousemove = ask;
  large.onclick = e => { pinned = false; ask(e); pinned = true; };
  for (const box of [$("tokens"), $("askers")]) {
    const asks = view.same || box.id === "askers";
    box.onmouseover = e => { if (asks && !pinned && e.target.dataset.i) choose(layer, head, +e.target.dataset.i); };
    box.onclick = e => { if (asks && e.target.dataset.i) { choose(layer, head, +e.target.dataset.i); pinned = true; } };
    box.onkeydown = e => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
      if (step) { e.preventDefault(); choose(layer, head, query + step); }
      if (e.key === "Escape") pinned = false;
    };
  }
  document.onkeydown = e => { if (e.key === "Escape") pinned = false; };
}
(async () => {
  const start = performance.now();
  cells = await inflate(view.data); if (view.edges) edges = await inflate(view.edges);
  readTheme(); legend(); writeTokens(); listen(); all();
  addEventListener("themechange", () => { readTheme(); all(); });
  addEventListener("resize", drawLarge);
  document.body.dataset.drawn = Math.round(performance.now() - start);
})();
