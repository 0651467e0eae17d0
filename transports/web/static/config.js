// Warnings and mistakes of the configuration, line by line, and what was read.
import { $, acting, ask, el, failed, fill, show, T } from "./dom.js";
import { call, isOpen } from "./net.js";

const finding = (kind, text) => el("li", { "data-kind": kind, class: "pre" }, el("b", {}, T.config[`kind_${kind}`]), text);

function value(found) {
  return typeof found === "string" ? found : JSON.stringify(found);
}

function section([name, options]) {
  const rows = Object.entries(options).map(([option, found]) => el("tr", {}, el("th", { scope: "row" }, option), el("td", { class: "mono" }, value(found))));
  return el("details", {}, el("summary", {}, `[${name}]`), el("table", {}, el("tbody", {}, ...rows)));
}

async function load() {
  if (!isOpen()) return;
  const [info, config] = await Promise.all([call("server.info", { raw: true }), call("server.config")]);
  fill($("warnings"), ...info.warnings.map((text) => finding("warning", text)));
  show($("no-warnings"), !info.warnings.length);
  fill($("failed"), ...info.failed_components.map((name) => finding("error", name)));
  show($("failed-card"), info.failed_components.length > 0);
  fill($("config-files"), ...config.files.map((file) => el("li", {}, el("code", { class: "grow" }, file.filename), el("span", { class: "tag" }, file.sections.map((name) => `[${name}]`).join(" ")))));
  fill($("values"), ...Object.entries(config.config).map(section));
}

$("config-check").addEventListener("click", acting(async () => {
  const { findings } = await call("server.config.check");
  fill($("findings"), ...findings.map((one) => finding(one.kind, one.text)));
  if (!findings.length) fill($("findings"), el("li", {}, T.config.fine));
  show($("checked"), true);
}));
$("server-restart").addEventListener("click", acting(async () => {
  if (await ask(T.config.restart_title, T.config.restart_text, T.config.restart)) await call("server.restart");
}));

export function enter() { load().catch(failed); }
