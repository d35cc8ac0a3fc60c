// A session somebody shared: to look at, not to touch.
import * as api from "./api.js";
import { board } from "./board.js";
import { h, put } from "./dom.js";
import { t } from "./words.js";
export default async function shared(node, [token]) {
  const path = `/v1/shared/${encodeURIComponent(token)}`, found = await api.open(path);
  const view = board(found.outline);
  const log = h("pre", { className: "out" }, found.entries.map((e) => h("span", { className: e.kind === "command" ? "cmd" : "note" }, `${view.clock(e.t_s)} ${e.kind === "command" ? "$ " : ""}${e.line ?? t("hidden")}\n`)));
  put(node, h("p", { className: "soft" }, t("shared")), h("h1", {}, found.outline.title), h("div", { className: "play" }, h("div", { className: "col" }, h("p", { className: "panel brief" }, found.outline.brief), h("section", { className: "term" }, log), h("div", { className: "panel" }, view.events)), h("div", { className: "col" }, h("div", { className: "panel" }, view.charts), h("div", { className: "panel" }, view.topology))));
  view.show({ ...await api.whole(async (from) => (await api.open(`${path}?${from}`)).state), from_s: 0 });
}
