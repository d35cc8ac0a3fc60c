// The write-up after an incident: an editor with facts from the log, the CTO's verdict, each item's measured effect.
import * as api from "./api.js";
import { chart, pairs } from "./chart.js";
import { h, put, toast } from "./dom.js";
import { num, pct, span, t, whole } from "./words.js";
export default async function review(node, [session]) {
  const [outline, found, kept] = await Promise.all([api.get(`/v1/sessions/${session}`), api.get(`/v1/sessions/${session}/facts`), api.get(`/v1/sessions/${session}/reviews`)]);
  const state = await api.whole((from) => api.get(`/v1/sessions/${session}/state?${from}`));
  const result = h("div", { className: "col" });
  let kind = "action-items";
  const draftKey = () => `draft-${session}-${kind}`;
  const text = h("textarea", { id: "text", rows: 14, maxLength: 50000, oninput: () => localStorage.setItem(draftKey(), text.value) });
  const help = h("p", { className: "soft small", id: "help" });
  const tabs = [["action-items", "items"], ["postmortem", "postmortem"]].map(([value, word]) => h("button", { type: "button", onclick: () => choose(value) }, t(word)));
  const choose = (value) => {
    kind = value;
    tabs.forEach((b, n) => b.setAttribute("aria-pressed", String(["action-items", "postmortem"][n] === value)));
    text.value = localStorage.getItem(draftKey()) || (value === "postmortem" ? template() : "");
    help.textContent = value === "action-items" ? t("itemshelp") : "";
  };
  const insert = (line) => { text.setRangeText(line, text.selectionStart, text.selectionEnd, "end"); text.focus(); localStorage.setItem(draftKey(), text.value); };
  const send = h("button", { type: "button", className: "main", onclick: () => judge(`/v1/sessions/${session}/reviews`, { kind, text: text.value }) }, t("send"));
  const judge = async (path, body) => {
    if (body.text !== undefined && !body.text.trim()) return;
    const bar = h("progress", { max: 1, value: 0 });
    put(result, h("section", { className: "panel", role: "status" }, h("p", {}, t("judging")), bar));
    send.disabled = true;
    try { put(result, verdict(await api.job(path, body, (p) => { bar.value = p; }), session)); } catch (problem) { put(result, h("p", { className: "bad", role: "alert" }, problem.message)); } finally { send.disabled = false; }
  };
  const start = Date.parse(outline.starts_at), clock = (s) => new Date(start + s * 1000).toLocaleTimeString("ru-RU", { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: "UTC" });
  const lines = [...facts(found.facts, clock), ...state.events.filter((e) => e.kind !== "command").map((e) => `${clock(e.t)} ${e.text}`)];
  put(node, h("p", {}, h("a", { href: `#/play/${session}` }, `← ${t("console")}`)), h("h1", {}, outline.title), h("div", { className: "two" }, h("section", { className: "panel" }, h("div", { className: "row" }, tabs), h("label", { htmlFor: "text", className: "skip" }, t("write")), help, text, h("p", {}, send)), h("aside", { className: "panel aside" }, h("p", { className: "soft small" }, t("factshelp")), h("div", { className: "facts" }, lines.slice(0, 60).map((line) => h("button", { type: "button", onclick: () => insert(`${line}\n`) }, line))))), result,
    kept.reviews.length ? h("h2", {}, t("earlier")) : null, [...kept.reviews].reverse().map((r) => h("details", { className: "panel" }, h("summary", {}, `${t(r.kind === "postmortem" ? "postmortem" : "items")} · ${t("score")} ${num(r.result.score)}`), h("pre", { className: "text quote" }, r.text), verdict(r.result, session))));
  choose("action-items");
  if (kept.unfinished) judge(`/v1/sessions/${session}/reviews/unfinished`, {});
}
const template = () => t("template").split("|").map((x) => `## ${x}\n\n`).join("");
const SHARES = /^(success|failed_share|error_budget|database_cpu)/;
const facts = (f, clock) => Object.entries(f).filter(([k, v]) => (typeof v === "number" || typeof v === "string") && t(k) !== k).map(([k, v]) => `${t(k)}: ${k.endsWith("_s") ? clock(v) : SHARES.test(k) ? pct(v) : typeof v === "number" ? whole(v) : v}`);
const level = (value) => h("span", { className: "level", role: "img", "aria-label": `${num(value)} / 3` }, [1, 2, 3].map((n) => h("i", { className: value >= n - 0.25 ? "on" : "" })));
export function verdict(r, session) {
  const names = r.labels || {};
  return h("section", { className: "col" }, h("div", { className: "panel" }, h("h2", {}, `${t("score")}: ${num(r.score)} / 100`), h("pre", { className: "text" }, r.feedback)),
    r.action_items?.length ? h("div", { className: "panel" }, h("h2", {}, t("measured")), h("div", { className: "cards" }, r.action_items.map((item) => effect(item, names)))) : null,
    h("div", { className: "panel" }, h("h2", {}, t("criteria")), h("table", {}, h("tbody", {}, r.criteria.map((c) => h("tr", {}, h("td", {}, c.label || c.criterion), h("td", {}, typeof c.level === "number" ? level(c.level) : "–"), h("td", { className: "small" }, c.why, (c.quotes || []).slice(0, 2).map((q) => h("div", { className: "quote" }, q.text ?? q[2])))))))),
    r.references?.length ? h("div", { className: "panel" }, h("h2", {}, t("references")), h("ul", {}, r.references.map((x) => h("li", {}, h("a", { href: x.source_url, rel: "noopener noreferrer", target: "_blank" }, x.title))))) : null,
    r.questions?.length && session ? h("div", { className: "panel" }, h("h2", {}, t("questions")), r.questions.map((q) => question(q, session))) : null);
}
function effect(item, names) {
  const measured = item.counterfactual;
  const title = [h("div", { className: "quote" }, item.quote), h("div", { className: "tags" }, (item.interventions || []).map((x) => h("span", { className: "tag" }, names[x] || x)))];
  if (!measured) return h("div", { className: "panel" }, title, h("p", { className: "soft small" }, t("unmapped")));
  const { baseline, with: changed } = measured;
  const since = (run, key) => (run[key] === null || run.started_s === null ? null : run[key] - run.started_s);
  const told = (run) => (value) => (value === null ? t(run.started_s === null ? "noincident" : "notyet") : span(value));
  const count = (key) => ({ name: t(key), before: baseline[key], after: changed[key], format: [whole, whole] });
  const time = (key, name) => ({ name: t(name), before: since(baseline, key), after: since(changed, key), format: [told(baseline), told(changed)] });
  const rows = [count("failed_requests"), time("recovered_s", "to_recovery"), time("detected_s", "to_detection"), count("others_failed")].filter((r) => r.before || r.after);
  return h("div", { className: "panel" }, title, curve(measured), h("p", { className: "small pair" }, h("i", { className: "before" }), t("before"), h("i", { className: "after" }), t("after")), pairs(rows));
}
// The SLI of both runs over each other, cut to the time in which they differ or suffer.
function curve({ baseline, with: changed }) {
  const before = baseline.success_curve, after = changed.success_curve, step = baseline.curve_step_s;
  if (!before || !after) return null;
  const low = Math.max(before.length, after.length), ill = (v) => v !== undefined && v < 0.98;
  let first = 0, last = low;
  while (first < low && !ill(before[first]) && !ill(after[first])) first++;
  while (last > first && !ill(before[last - 1]) && !ill(after[last - 1])) last--;
  if (first === last) return null;
  const from = Math.max(0, first - 6), to = Math.min(low, last + 6), ts = [];
  for (let n = from; n < to; n++) ts.push(n * step);
  const series = [[t("before"), before], [t("after"), after]].map(([name, values]) => ({ name, values: ts.map((s) => values[s / step] ?? null) }));
  return chart({ title: t("success"), t: ts, series, from: from * step, to: to * step, high: 1, format: pct, clock: span });
}
function question(q, session) {
  const field = h("textarea", { rows: 2, maxLength: 20000, "aria-label": q });
  const said = h("p", { className: "soft", role: "status" });
  const button = h("button", { type: "button", onclick: async () => { if (!field.value.trim()) return; const found = await api.post(`/v1/sessions/${session}/answers`, { question: q, text: field.value }); button.disabled = true; if (found.response) put(said, `CTO: ${found.response.text}`); toast(t("answered")); } }, t("reply"));
  return h("div", {}, h("p", {}, q), field, h("p", {}, button), said);
}
