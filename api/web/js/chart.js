// Line charts with axes, units and marks. Drawn as SVG; the caption says in words what a screen reader cannot see.
import { h, svg } from "./dom.js";
import { num, t, whole } from "./words.js";
const W = 400, H = 168, L = 50, R = 8, T = 8, B = 22;
function ticks(low, high, count) {
  const span = high - low || 1, raw = span / count, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-6; v += step) found.push(Math.abs(v) < step * 1e-6 ? 0 : v);
  return found;
}
const STEPS_S = [10, 30, 60, 120, 300, 600, 1200, 1800, 3600];
function times(first, last) {
  const step = STEPS_S.find((s) => (last - first) / s <= 5) || 7200, found = [];
  for (let s = Math.ceil(first / step) * step; s <= last; s += step) found.push(s);
  return found;
}
const short = (v) => (Math.abs(v) >= 1e6 ? `${num(v / 1e6)}M` : Math.abs(v) >= 1e4 ? `${num(v / 1e3)}k` : num(v));
function path(ts, values, x, y, width) {
  // the highest and the lowest of each pixel column, so that no spike is lost
  const parts = [];
  let pen = false, column = -1, low = null, high = null;
  const flush = () => { if (low === null) return; parts.push(`${pen ? "L" : "M"}${column} ${y(low).toFixed(1)}`); if (high !== low) parts.push(`L${column} ${y(high).toFixed(1)}`); pen = true; };
  for (let i = 0; i < ts.length; i++) {
    const v = values[i], c = Math.round(x(ts[i]));
    if (v === null || v === undefined) { flush(); low = high = null; pen = false; column = -1; continue; }
    if (c !== column) { flush(); column = c; low = high = v; } else { low = Math.min(low, v); high = Math.max(high, v); }
  }
  flush();
  return parts.join("");
}
const FEW = 40; // points that are shown as such: a single one makes no line
const COLOURS = ["var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)"];
export const MARKS = { deploy: "var(--c4)", rollout: "var(--c4)", alert: "var(--bad)", page: "var(--bad)", command: "var(--soft)" };
/** series: [{name, values, points}], t: seconds or, with `count`, numbers; marks: [{t, kind, text}]; from/to: seconds shown. */
export function chart({ title, unit = "", t: ts, series, marks = [], from, to, low = 0, high = null, clock, count = false, positive = false, format = num }) {
  const first = from ?? (ts[0] || 0), last = Math.max(to ?? 0, ts.length ? ts[ts.length - 1] : 0, first + (clock ? 60 : 1));
  const shown = series.map((s) => s.values.filter((v, i) => v !== null && ts[i] >= first));
  const top = high ?? ((Math.max(0, ...shown.map((vs) => vs.reduce((a, b) => Math.max(a, b), 0))) || 1) * 1.08);
  const x = (s) => L + ((s - first) / (last - first)) * (W - L - R), y = (v) => T + (1 - (Math.min(top, Math.max(low, v)) - low) / (top - low || 1)) * (H - T - B);
  const node = svg("svg", { viewBox: `0 0 ${W} ${H}`, width: "100%", role: "img" });
  for (const v of ticks(low, top, 4)) {
    node.append(svg("line", { x1: L, x2: W - R, y1: y(v), y2: y(v), class: "grid" }), svg("text", { x: L - 5, y: y(v) + 4, "text-anchor": "end" }, format === num || format === whole ? short(v) : format(v)));
  }
  for (const s of clock ? times(first, last) : ticks(first, last, 5).filter((v) => !count || Number.isInteger(v))) if (x(s) < W - R - 10 && x(s) > L - 1) node.append(svg("text", { x: x(s), y: H - 6, "text-anchor": "middle" }, clock ? clock(s) : num(s)));
  for (const mark of marks) {
    if (mark.t < first || mark.t > last) continue;
    node.append(svg("line", { x1: x(mark.t), x2: x(mark.t), y1: T, y2: H - B, class: "mark", stroke: MARKS[mark.kind] || "var(--soft)" }, svg("title", {}, `${clock ? clock(mark.t) : mark.t} ${mark.text}`)));
  }
  node.append(svg("line", { x1: L, x2: W - R, y1: H - B, y2: H - B, class: "axis" }));
  if (ts.length <= FEW) series.forEach((s, n) => (s.points || s.values).forEach((v, i) => (v ?? null) === null || node.append(svg("circle", { cx: x(ts[i]), cy: y(v), r: 2.5, fill: COLOURS[n % 4] }))));
  series.forEach((s, n) => node.append(svg("path", { d: path(ts, s.values, x, y), fill: "none", stroke: COLOURS[n % 4], "stroke-width": 1.7, "stroke-linejoin": "round" })));
  const latest = series.map((s) => (positive ? (s.values.at(-1) ?? undefined) : [...s.values].reverse().find((v) => v !== null && v !== undefined)));
  const said = series.map((s, n) => `${s.name || title} ${t("now")}: ${latest[n] === undefined ? t("nodata") : format(latest[n])} ${unit}`).join("; ");
  node.setAttribute("aria-label", `${title}. ${said}`);
  return h("figure", {}, h("figcaption", {}, h("span", {}, title, unit ? h("span", { className: "soft" }, ` · ${unit}`) : ""), h("span", { className: "now" }, latest.map((v) => (v === undefined ? "–" : format(v))).join(" / "))), node,
    series.length > 1 ? h("ul", { className: "legend" }, series.map((s, n) => { const i = h("i", {}); i.style.background = COLOURS[n % 4]; return h("li", {}, i, s.name); })) : null);
}
/** Two bars a measure: without and with. rows: [{name, before, after, format: [of before, of after]}]; null has no bar. */
export function pairs(rows) {
  const line = 46, width = 430, left = 4, node = svg("svg", { viewBox: `0 0 ${width} ${rows.length * line + 4}`, width: "100%", role: "img" });
  rows.forEach((row, n) => {
    const most = Math.max(row.before ?? 0, row.after ?? 0) || 1, at = n * line + 12;
    node.append(svg("text", { x: left, y: at }, row.name));
    [[row.before, "var(--idle)"], [row.after, "var(--c1)"]].forEach(([value, colour], k) => {
      const wide = value === null || value === undefined ? 0 : Math.max(2, (value / most) * (width - 130));
      node.append(svg("rect", { x: left, y: at + 5 + k * 13, width: wide, height: 10, rx: 2, fill: colour }), svg("text", { x: left + wide + 6, y: at + 14 + k * 13 }, row.format[k](value)));
    });
  });
  node.setAttribute("aria-label", rows.map((r) => `${r.name}: ${t("before")} ${r.format[0](r.before)}, ${t("after")} ${r.format[1](r.after)}`).join("; "));
  return node;
}
