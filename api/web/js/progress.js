// How the player is getting on: levels over time.
import * as api from "./api.js";
import { chart } from "./chart.js";
import { h, put } from "./dom.js";
import { num, t } from "./words.js";
export default async function progress(node) {
  const { sessions } = await api.get("/v1/progress");
  const results = sessions.flatMap((s) => s.results.map((r) => ({ ...r, session: s })));
  const kinds = [...new Set(results.map((r) => r.rubric))];
  const ts = results.map((_, n) => n + 1);
  const plot = results.length ? chart({ title: t("progress"), unit: t("overall"), t: ts, from: 1, to: Math.max(2, results.length), high: 3, count: true, series: kinds.slice(0, 4).map((k) => { let last = null; return { name: k, points: results.map((r) => (r.rubric === k ? r.overall : null)), values: results.map((r) => { if (r.rubric === k) last = r.overall; return last; }) }; }) }) : h("p", { className: "soft" }, t("none"));
  put(node, h("h1", {}, t("progress")), h("div", { className: "panel charts" }, plot), h("table", {}, h("tbody", {}, [...results].reverse().map((r) => h("tr", {}, h("td", {}, r.session.created.slice(0, 16).replace("T", " ")), h("td", {}, r.session.scenario), h("td", {}, r.rubric), h("td", { className: "num" }, num(r.overall)))))));
}
