// The parts of the system in layers from the entry, their health as colour and words, and the flow on their edges.
import { h, svg } from "./dom.js";
import { num, pct, t, whole } from "./words.js";
const BW = 144, BH = 46, GX = 36, GY = 12, PAD = 8;
function layers(topology) {
  const depth = new Map([[topology.entry, 0]]);
  const order = [topology.entry];
  for (let i = 0; i < order.length; i++) for (const e of topology.edges) if (e.from === order[i] && !depth.has(e.to)) { depth.set(e.to, depth.get(e.from) + 1); order.push(e.to); }
  const last = Math.max(...depth.values());
  for (const n of topology.nodes) if (!depth.has(n.id)) {
    const called = topology.edges.filter((e) => e.from === n.id && depth.has(e.to)).map((e) => depth.get(e.to));
    depth.set(n.id, called.length ? Math.max(0, Math.min(...called) - 1) : last);
  }
  // what calls nothing stands right of all that call it: no line runs down its own column
  for (const n of topology.nodes) if (!topology.edges.some((e) => e.from === n.id)) for (const e of topology.edges) if (e.to === n.id) depth.set(n.id, Math.max(depth.get(n.id), depth.get(e.from) + 1));
  const found = [];
  for (const n of topology.nodes) (found[depth.get(n.id)] ||= []).push(n);
  return found.filter(Boolean);
}
const COLOUR = { ok: "var(--ok)", warn: "var(--warn)", bad: "var(--bad)", idle: "var(--idle)" };
const SIGN = { ok: "●", warn: "▲", bad: "✕", idle: "○" };
function line(kind, x) {
  if (!x) return "";
  if (kind === "service") return `${whole(x.rps)}/${t("s")} · ${num(x.pods)} ${t("pods")}${x.failing >= 0.0005 ? ` · ${pct(x.failing)}` : ""}`;
  if (kind === "postgres") return `CPU ${pct(x.cpu)} · ${whole(x.waiting)} ${t("waiting")}`;
  if (kind === "cache") return `${pct(x.hit_share)} ${t("hit")}`;
  if (kind === "worker") return `${t("backlog")} ${whole(x.backlog)}`;
  return `${whole(x.rps)}/${t("s")}${x.failing >= 0.0005 ? ` · ${pct(x.failing)}` : ""}`;
}
// Narrower letters where a text is wider than its box; unknown until it is on the page.
function fit(text) {
  text.removeAttribute("textLength");
  if (text.getComputedTextLength() > BW - 2 * PAD) { text.setAttribute("textLength", BW - 2 * PAD); text.setAttribute("lengthAdjust", "spacingAndGlyphs"); }
}
export function map(topology) {
  const columns = layers(topology), place = new Map();
  const tallest = Math.max(...columns.map((c) => c.length));
  columns.forEach((column, i) => column.forEach((n, j) => place.set(n.id, [i * (BW + GX) + 4, (j + (tallest - column.length) / 2) * (BH + GY) + 4])));
  const width = columns.length * (BW + GX) - GX + 8, height = tallest * (BH + GY) + 4;
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
  root.style.maxWidth = `${width}px`;
  root.style.minWidth = `${Math.min(width, 620)}px`;
  const edges = [];
  for (const e of topology.edges) {
    const [ax, ay] = place.get(e.from), [bx, by] = place.get(e.to), back = bx <= ax;
    const x1 = ax + (back ? BW / 2 : BW), y1 = ay + BH / 2, x2 = bx + (back ? BW / 2 : 0), y2 = by + BH / 2, bend = Math.max(18, Math.abs(x2 - x1) / 2);
    const edge = svg("path", { class: "edge", d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, "stroke-dasharray": e.kind === "call" ? null : "4 3" });
    edges.push([e.to, edge]);
    root.append(edge);
  }
  const boxes = new Map();
  for (const n of topology.nodes) {
    const [x, y] = place.get(n.id), rect = svg("rect", { x, y, width: BW, height: BH, rx: 8, class: "box" }), name = svg("text", { x: x + PAD, y: y + 19, class: "name" }, n.id.length > 22 ? `${n.id.slice(0, 21)}…` : n.id), text = svg("text", { x: x + PAD, y: y + 36 }), tip = svg("title", {}, n.id);
    root.append(svg("g", {}, tip, rect, name, text));
    boxes.set(n.id, { rect, text, tip, kind: n.kind, name });
  }
  const node = h("div", { className: "topo", tabIndex: 0, role: "group" }, root);
  return { node, show(health) {
    const ill = [];
    for (const [id, box] of boxes) {
      const x = health[id], state = x ? x.state : "idle", said = line(box.kind, x);
      box.rect.setAttribute("stroke", COLOUR[state]);
      box.text.textContent = `${SIGN[state]} ${said}`;
      fit(box.text);
      fit(box.name);
      box.text.style.fill = state === "ok" ? "" : COLOUR[state];
      box.tip.textContent = `${id}: ${state}; ${said}`;
      if (state !== "ok") ill.push(`${id}: ${state}`);
    }
    for (const [to, edge] of edges) {
      const x = health[to];
      edge.style.strokeWidth = x && x.rps ? 1 + Math.log10(1 + x.rps) / 1.6 : "";
      edge.style.stroke = x && x.state === "bad" ? COLOUR.bad : "";
    }
    root.setAttribute("aria-label", ill.join("; ") || "ok");
  } };
}
