// What a session looks like: charts, map, alerts, timeline. Fed with states from a stream or a link.
import { chart } from "./chart.js";
import { h, put } from "./dom.js";
import { map } from "./topology.js";
import { num, pct, t, whole } from "./words.js";
const SPAN_S = 900;
const MARKED = new Set(["deploy", "rollout", "alert", "page", "command"]);
export function board(outline) {
  const start = Date.parse(outline.starts_at), zone = { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: "UTC" };
  const clock = (s) => new Date(start + s * 1000).toLocaleTimeString("ru-RU", s % 60 ? { ...zone, second: "2-digit" } : zone);
  const full = (s) => new Date(start + s * 1000).toLocaleTimeString("ru-RU", { ...zone, second: "2-digit" });
  const charts = h("div", { className: "charts" }), events = h("ol", { className: "timeline" }), alerts = h("div", {}), topology = map(outline.topology);
  const series = {}, marks = [];
  let drawn = 0, waiting = false;
  const draw = () => {
    drawn = performance.now();
    waiting = false;
    const ts = series.t || [], last = ts.length ? ts[ts.length - 1] : 0, from = Math.max(0, last - SPAN_S);
    const one = (title, unit, keys, more = {}) => {
      const lines = keys.filter(([key]) => series[key]).map(([key, name]) => ({ name, values: series[key] }));
      if (more.positive) for (const line of lines) line.values = line.values.map((v) => v || null);
      return lines.length ? chart({ title, unit, t: ts, series: lines, marks, from, to: last, clock, ...more }) : null;
    };
    put(charts, one(t("success"), "", [["success_rate", ""]], { high: 1, format: pct }), one(t("rps"), "1/" + t("s"), [["rps", ""]]), one(t("p99"), t("ms"), [["p99_ms", ""]], { format: whole, positive: true }),
      one(t("pool"), "", [["pool_active", t("busy")], ["pool_pending", t("waiting")]], { format: whole }), one(t("cpu"), "", [["db_cpu", ""]], { high: 1, format: pct }), one(t("backlog"), "", [["backlog", ""]], { format: whole }));
  };
  const later = () => { if (waiting) return; waiting = true; const wait = Math.max(0, 400 - (performance.now() - drawn)); setTimeout(() => requestAnimationFrame(draw), wait); };
  return {
    charts, topology: topology.node, events, alerts, clock: full, marks,
    show(state) {
      for (const [key, values] of Object.entries(state.series)) {
        const have = (series[key] ||= []);
        const from = state.from_s ?? 0;
        have.length = Math.min(have.length, from);
        for (const v of values) have.push(v);
      }
      const stuck = events.scrollHeight - events.scrollTop - events.clientHeight < 40;
      for (const e of state.events) {
        if (MARKED.has(e.kind)) marks.push(e);
        events.append(h("li", { className: e.kind === "page" || e.kind === "alert" ? "bad" : "" }, h("time", {}, full(e.t)), h("span", {}, e.text)));
      }
      if (stuck) events.scrollTop = events.scrollHeight;
      topology.show(state.health);
      const open = state.alerts.filter((a) => a.resolved_s === null);
      put(alerts, open.length ? h("table", {}, h("tbody", {}, open.map((a) => h("tr", {}, h("td", { className: "bad" }, h("span", { className: "badge" }, a.severity)), h("td", {}, a.name), h("td", { className: "num small" }, full(a.fired_s)))))) : h("p", { className: "ok" }, t("quiet")));
      later();
    },
    last: (key) => { const v = series[key]; return v && v.length ? v[v.length - 1] : null; },
    said: () => `${t("success")} ${pct(series.success_rate?.at(-1))}, ${num(series.rps?.at(-1))} rps`,
  };
}
