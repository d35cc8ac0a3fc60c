// Scenarios to play and sessions to go on with.
import * as api from "./api.js";
import { h, put } from "./dom.js";
import { lang, pick, span, t } from "./words.js";
// What is free stands first, the sandbox, which is no incident, last.
const rank = (s) => (s.id === "sandbox" ? 2 : s.tier === "free" ? 0 : 1);
export default async function home(node) {
  const { scenarios } = await api.open("/v1/scenarios");
  const me = await api.get("/v1/me");
  const list = h("ul", { className: "cards" }, [...scenarios].sort((a, b) => rank(a) - rank(b)).map((s) => {
    const locked = s.tier !== "free" && me.plan !== "full";
    const button = h("button", { type: "button", className: "main", disabled: locked, onclick: async () => {
      button.disabled = true;
      const made = await api.post("/v1/sessions", { scenario: s.id, language: lang() });
      location.hash = `#/play/${made.id}`;
    } }, t("play"));
    return h("li", { className: "panel" }, h("h2", {}, pick(s.title)), h("div", { className: "tags" }, s.topics.slice(0, 5).map((x) => h("span", { className: "tag" }, x))),
      h("div", { className: "foot" }, h("span", { className: "soft small" }, `${s.minutes} ${t("minutes")}${s.tier === "free" ? ` · ${t("free")}` : locked ? ` · ${t("full")}` : ""}`), button));
  }));
  const mine = h("div", {});
  put(node, h("h1", {}, t("scenarios")), h("p", { className: "soft" }, t("lead")), me.plan === "full" ? null : code(), list, h("h2", {}, t("sessions")), mine);
  await sessions(mine, 0, Object.fromEntries(scenarios.map((s) => [s.id, pick(s.title)])));
}
function code() {
  const field = h("input", { type: "text", id: "code", autocomplete: "off", maxLength: 200 });
  const said = h("span", { className: "bad", role: "alert" });
  return h("form", { className: "row panel", onsubmit: async (event) => {
    event.preventDefault();
    try { await api.join(field.value); location.reload(); } catch { said.textContent = t("wrongcode"); }
  } }, h("label", { htmlFor: "code" }, t("code")), h("span", { className: "grow" }, field), h("button", { type: "submit" }, t("enter")), said);
}
async function sessions(node, offset, titles) {
  const found = await api.get(`/v1/sessions?offset=${offset}`);
  if (!offset && !found.sessions.length) { put(node, h("p", { className: "soft" }, t("none"))); return; }
  const where = (s) => (s.scenario.startsWith("interview:") ? `#/interview/${s.id}` : s.scenario.startsWith("story:") ? `#/story/${s.id}` : `#/play/${s.id}`);
  const title = (s) => titles[s.scenario] || (s.scenario.startsWith("interview:") ? `${t("interviews")}: ${s.scenario.split(":")[1]}` : s.scenario.startsWith("story:") ? t("stories") : s.scenario);
  node.append(h("table", {}, h("tbody", {}, found.sessions.map((s) => h("tr", {}, h("td", {}, h("a", { href: where(s) }, title(s))), h("td", { className: "soft small" }, `${t("began")} ${s.created.slice(0, 16).replace("T", " ")}`), h("td", { className: "num small" }, `${s.entries} ${t("entries")} · ${span(s.now_s)}`))))));
  if (found.more) { const more = h("button", { type: "button", onclick: () => { more.remove(); sessions(node, offset + found.sessions.length, titles); } }, t("more")); node.append(more); }
}
