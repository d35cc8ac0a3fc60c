// The interview room, and the rehearsal of a story: what was said, a field for the answer, the design as a diagram.
import * as api from "./api.js";
import { h, put } from "./dom.js";
import { map } from "./topology.js";
import { lang, num, pick, t } from "./words.js";
export default async function talk(node, [session], name) {
  if (name === "interviews") return interviews(node);
  if (name === "stories") return stories(node);
  return room(node, session, name === "interview" ? "/v1/interviews" : "/v1/stories", name);
}
const choice = (id, values) => h("select", { id }, values.map(([value, text]) => h("option", { value }, text)));
async function interviews(node) {
  const { prompts } = await api.open("/v1/interviews/prompts");
  const prompt = choice("prompt", prompts.map((p) => [p.id, `${pick(p.title)} · ${num(p.rps)} rps`])), level = choice("level", ["junior", "senior", "staff"].map((x) => [x, x])), length = choice("length", [["short", t("short")], ["long", t("long")]]);
  level.value = "senior";
  put(node, h("h1", {}, t("interviews")), h("form", { className: "panel col", onsubmit: async (event) => {
    event.preventDefault();
    const made = await api.post("/v1/interviews", { prompt: prompt.value, level: level.value, length: length.value, language: lang() });
    location.hash = `#/interview/${made.id}`;
  } }, [["prompt", prompt], ["level", level], ["length", length]].map(([word, field]) => h("div", {}, h("label", { htmlFor: word }, t(word)), " ", field)), h("div", {}, h("button", { className: "main", type: "submit" }, t("begin")))));
}
async function stories(node) {
  const { sessions } = await api.get("/v1/sessions");
  const played = sessions.filter((s) => !s.scenario.includes(":") && s.entries > 0);
  const about = choice("about", [["", t("fromlife")], ...played.map((s) => [s.id, `${s.scenario} · ${s.created.slice(0, 10)}`])]);
  put(node, h("h1", {}, t("stories")), h("p", { className: "soft" }, t("storylead")), h("form", { className: "panel row", onsubmit: async (event) => {
    event.preventDefault();
    const made = await api.post("/v1/stories", { session: about.value || null, language: lang() });
    location.hash = `#/story/${made.id}`;
  } }, h("label", { htmlFor: "about" }, t("about")), about, h("button", { className: "main", type: "submit" }, t("begin"))));
}
async function room(node, session, base, name) {
  let state = await api.get(`${base}/${session}`);
  const chat = h("div", { className: "chat", role: "log", tabIndex: 0, "aria-live": "polite" });
  const text = h("textarea", { id: "answer", rows: 6, maxLength: 12000, placeholder: name === "interview" ? t("drawhelp") : "" });
  const result = h("div", {}), drawing = h("div", {});
  const add = (line) => { chat.append(h("div", { className: `${line.who} ${/->|[─│┌]/.test(line.text) ? "drawn" : ""}` }, line.text)); chat.scrollTop = chat.scrollHeight; };
  const say = async (value) => {
    if (!value.trim()) return;
    add({ who: "candidate", text: value });
    text.value = "";
    buttons.forEach((b) => { b.disabled = true; });
    try { const found = await api.post(`${base}/${session}/turns`, { text: value }); add({ who: "interviewer", text: found.answer }); if (found.over) await debrief(); } finally { buttons.forEach((b) => { b.disabled = false; }); text.focus(); }
  };
  const debrief = async () => {
    put(result, h("section", { className: "panel", role: "status" }, h("p", {}, t("debriefing")), h("progress", {})));
    try { put(result, outcome(await api.job(`${base}/${session}/debrief`, {}, () => {}))); form.hidden = true; } catch (problem) { put(result, h("p", { className: "bad", role: "alert" }, problem.message)); }
  };
  let pausing = 0;
  text.addEventListener("input", () => {
    clearTimeout(pausing);
    if (name !== "interview" || !/->|=>|→|⇒|\.\.>|\w --- \w/.test(text.value)) { put(drawing); return; }
    pausing = setTimeout(async () => {
      const found = await api.post("/v1/interviews/diagram", { text: text.value }).catch(() => null);
      if (!found || !found.nodes.length) { put(drawing); return; }
      const drawn = map(found), words = found.edges.filter((e) => e.label);
      drawn.show({});
      put(drawing, h("h3", {}, t("diagram")), drawn.node, words.length ? h("ul", { className: "small" }, words.map((e) => h("li", {}, `${e.from} ${e.kind === "call" ? "→" : "⇒"} ${e.to}: ${e.label}`))) : null, found.problems.length ? h("p", { className: "warn small" }, found.problems.join("; ")) : null);
    }, 500);
  });
  const button = (word, action, main) => h("button", { type: "button", className: main ? "main" : "", onclick: action }, t(word));
  const buttons = [button("say", () => say(text.value), true), button("hint", () => say("/hint")), ...(name === "interview" ? [button("run", () => say("/run"))] : []), button("skip", () => say("/skip")), button("finish", debrief)];
  const form = h("div", { className: "panel" }, h("label", { htmlFor: "answer" }, t("answer")), text, drawing, h("p", { className: "row" }, buttons));
  text.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) say(text.value); });
  put(node, h("h1", {}, t(name === "interview" ? "interviews" : "stories")), h("div", { className: "panel" }, chat), form, result);
  state.lines.forEach(add);
  if (state.result) { put(result, outcome(state.result)); form.hidden = true; } else if (state.over) debrief();
}
const outcome = (r) => h("section", { className: "panel" }, r.overall !== undefined ? h("h2", {}, `${t("score")}: ${num(r.overall)} / 3`) : null, h("pre", { className: "text" }, r.text || ""), r.references?.length ? h("ul", {}, r.references.map((x) => h("li", {}, h("a", { href: x.source_url, target: "_blank", rel: "noopener noreferrer" }, x.title)))) : null);
