// Real incidents, to search and to read.
import * as api from "./api.js";
import { h, put } from "./dom.js";
import { lang, t } from "./words.js";
export default async function library(node) {
  const list = h("div", { className: "columns" }), field = h("input", { type: "text", id: "query", maxLength: 400, placeholder: t("searchhelp") });
  const search = async () => {
    const { incidents } = await api.get(`/v1/library?lang=${lang()}&limit=30&q=${encodeURIComponent(field.value)}`);
    put(list, incidents.map((i) => h("article", { className: "panel" }, h("h2", {}, i.title), i.organisation ? h("p", { className: "soft small" }, `${i.organisation}${i.date ? ` · ${i.date}` : ""}`) : null, h("p", {}, i.summary), h("p", { className: "small" }, h("b", {}, `${t("lesson")}: `), i.lesson), h("p", { className: "small" }, h("a", { href: i.source_url, target: "_blank", rel: "noopener noreferrer" }, t("source"))))));
  };
  put(node, h("h1", {}, t("library")), h("form", { className: "row", role: "search", onsubmit: (event) => { event.preventDefault(); search(); } }, h("label", { htmlFor: "query", className: "skip" }, t("search")), h("span", { className: "grow" }, field), h("button", { type: "submit" }, t("search"))), h("p", {}), list);
  await search();
}
