// The way from an address to a page. Each page is a function (node, arguments) -> what to do when it is left.
import { h, put, toast } from "./dom.js";
import { lang, setLang, t } from "./words.js";
const PAGES = {
  "": () => import("./home.js"), play: () => import("./play.js"), review: () => import("./review.js"), interviews: () => import("./talk.js"), stories: () => import("./talk.js"),
  interview: () => import("./talk.js"), story: () => import("./talk.js"), library: () => import("./library.js"), progress: () => import("./progress.js"), shared: () => import("./shared.js"),
};
let leave = null;
async function show() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const page = document.getElementById("page");
  if (leave) { leave(); leave = null; }
  document.querySelectorAll("#nav a").forEach((a) => (a.hash.replace(/^#\/?/, "") === name ? a.setAttribute("aria-current", "page") : a.removeAttribute("aria-current")));
  put(page, h("p", { className: "soft" }, t("loading")));
  try {
    const module = await (PAGES[name] || PAGES[""])();
    leave = (await module.default(page, rest, name)) || null;
  } catch (problem) {
    put(page, h("p", { className: "bad", role: "alert" }, problem.message || String(problem)));
  }
}
function frame() {
  document.documentElement.lang = lang();
  const links = [["", "scenarios"], ["interviews", "interviews"], ["stories", "stories"], ["library", "library"], ["progress", "progress"]];
  put(document.getElementById("nav"), links.map(([to, word]) => h("a", { href: `#/${to}` }, t(word))));
  document.getElementById("language").textContent = lang() === "ru" ? "English" : "Русский";
  document.getElementById("theme").textContent = t("theme");
}
document.getElementById("language").onclick = () => { setLang(lang() === "ru" ? "en" : "ru"); frame(); show(); };
document.getElementById("theme").onclick = () => {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", document.documentElement.dataset.theme);
};
if (localStorage.getItem("theme")) document.documentElement.dataset.theme = localStorage.getItem("theme");
addEventListener("hashchange", () => { show(); document.getElementById("page").focus({ preventScroll: true }); });
addEventListener("unhandledrejection", (event) => toast(event.reason?.message || String(event.reason)));
frame();
show();
