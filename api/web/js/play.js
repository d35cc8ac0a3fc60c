// The room of an incident: brief, terminal, charts, map, timeline.
import * as api from "./api.js";
import { board } from "./board.js";
import { h, put, toast } from "./dom.js";
import { t } from "./words.js";
export default async function play(node, [session]) {
  const outline = await api.get(`/v1/sessions/${session}`);
  const view = board(outline);
  const clock = h("span", { className: "clock", "aria-live": "off" }, "–"), badge = h("span", {}), status = h("span", {});
  const console_ = terminal(session, view, outline);
  const speed = [0, 1, 10].map((value) => h("button", { type: "button", "aria-pressed": String(value === 0), onclick: async () => {
    await api.put(`/v1/sessions/${session}/speed`, { speed: value });
    speed.forEach((b, n) => b.setAttribute("aria-pressed", String([0, 1, 10][n] === value)));
  } }, value ? `×${value}` : t("turns")));
  const shareButton = h("button", { type: "button", onclick: async () => {
    const link = await api.post(`/v1/sessions/${session}/shares`, {});
    const where = `${location.origin}/#/shared/${link.token}`;
    try { await navigator.clipboard.writeText(where); toast(t("copied")); } catch { toast(where); }
  } }, t("share"));
  const bar = h("div", { className: "bar panel" }, clock, badge, status, h("span", { className: "row" }, speed), h("span", { className: "row" }, [30, 120].map((s) => h("button", { type: "button", onclick: () => console_.run(`wait ${s}`) }, `${t("wait")} ${s}`)), h("button", { type: "button", onclick: () => console_.run("hint") }, t("hint"))), h("span", { className: "grow" }), shareButton, h("a", { className: "button main", href: `#/review/${session}` }, t("write")));
  const brief = h("details", { className: "panel", open: true }, h("summary", {}, t("brief")), h("p", { className: "brief" }, flow(outline.brief)));
  const section = (word, content, open = true) => h("details", { className: "panel", open }, h("summary", {}, t(word)), content);
  put(node, h("h1", {}, outline.title), bar, h("div", { className: "play" }, h("div", { className: "col" }, brief, console_.node, section("timeline", view.events)), h("div", { className: "col" }, section("charts", view.charts), section("alerts", view.alerts), section("system", view.topology))));
  const stop = api.watch(session, (state) => {
    view.show(state);
    clock.textContent = view.clock(state.now_s);
    put(badge, state.severity ? h("span", { className: "badge bad pulse" }, state.severity) : null);
    status.textContent = state.read_only ? t("readonly") : state.resolved ? t("resolved") : state.severity ? t("going") : t("quiet");
    status.className = state.resolved ? "ok" : state.severity ? "bad" : "soft";
    console_.news(state);
  }, (linked) => toast(linked ? t("back") : t("lost")));
  console_.focus();
  return stop;
}
// Lines of a text that only its file broke become one again.
const flow = (text) => text.replace(/([^.:!?»)\n])\n(?=\S)/g, "$1 ").replace(/([)»])\n(?=[a-zа-яё«(])/g, "$1 ").trim();
// Columns are scrolled, whatever else is too long for the window is broken.
const COLUMNS = /\S {2,}\S|\t|^[|+-]|─/m;
function terminal(session, view, outline) {
  const out = h("pre", { className: "out", tabIndex: 0, role: "log", "aria-label": t("terminal") });
  const hints = h("div", { className: "hints", "aria-live": "polite" });
  const input = h("input", { type: "text", id: "line", autocomplete: "off", autocapitalize: "off", spellcheck: false, maxLength: 4000, "aria-describedby": "hints" });
  hints.id = "hints";
  const key = `history-${outline.scenario}`;
  const history = JSON.parse(localStorage.getItem(key) || "[]");
  let at = history.length, draft = "", busy = Promise.resolve(), shown = -1;
  const say = (text, kind = "") => {
    const stuck = out.scrollHeight - out.scrollTop - out.clientHeight < 60;
    out.append(h("span", { className: COLUMNS.test(text) ? kind : `${kind} prose` }, text.endsWith("\n") ? text : `${text}\n`));
    while (out.childNodes.length > 1500) out.firstChild.remove();
    if (stuck) out.scrollTop = out.scrollHeight;
  };
  const run = (line) => {
    busy = busy.then(async () => {
      say(`${view.clock(shownAt)} $ ${line}`, "cmd");
      out.scrollTop = out.scrollHeight;
      try {
        const found = await api.post(`/v1/sessions/${session}/commands`, { line });
        shownAt = Math.max(shownAt, found.now_s);
        if (found.text) say(found.text, found.code ? "err" : "");
        if (found.pending) say(found.pending, "note");
        if (line.trim() === "hint" || found.resolved) input.focus();
        if (/^(postmortem|actions|разбор|план)\b/.test(line.trim())) location.hash = `#/review/${session}`;
      } catch (problem) { say(problem.message, "err"); }
    });
    return busy;
  };
  let shownAt = 0;
  const form = h("form", { onsubmit: (event) => {
    event.preventDefault();
    const line = input.value.trim();
    if (!line) return;
    if (history[history.length - 1] !== line) history.push(line);
    localStorage.setItem(key, JSON.stringify(history.slice(-200)));
    at = history.length;
    input.value = "";
    hints.textContent = "";
    run(line);
  } }, h("label", { htmlFor: "line", "aria-label": t("command") }, "$"), input);
  input.addEventListener("keydown", async (event) => {
    if (event.key === "ArrowUp" && at > 0) { if (at === history.length) draft = input.value; input.value = history[--at]; event.preventDefault(); }
    else if (event.key === "ArrowDown" && at < history.length) { input.value = ++at === history.length ? draft : history[at]; event.preventDefault(); }
    else if (event.key === "l" && event.ctrlKey) { out.replaceChildren(); event.preventDefault(); }
    else if (event.key === "Tab" && !event.shiftKey && input.value) {
      event.preventDefault();
      const { completions } = await api.get(`/v1/sessions/${session}/completions?prefix=${encodeURIComponent(input.value)}`);
      const start = input.value.lastIndexOf(" ") + 1;
      if (completions.length === 1) { input.value = `${input.value.slice(0, start)}${completions[0]} `; hints.textContent = ""; return; }
      let common = completions[0] || "";
      for (const c of completions) while (!c.startsWith(common)) common = common.slice(0, -1);
      if (common.length > input.value.length - start) input.value = input.value.slice(0, start) + common;
      hints.textContent = completions.slice(0, 40).join("  ");
    } else if (event.key === "Escape") hints.textContent = "";
  });
  return { node: h("section", { className: "term", "aria-label": t("terminal") }, out, hints, form), run, focus: () => input.focus({ preventScroll: true }), news(state) {
    shownAt = state.now_s;
    for (const e of state.events) if (e.n > shown) { shown = e.n; if (e.kind !== "command") say(`● ${view.clock(e.t)} ${e.text}`, "news"); }
  } };
}
