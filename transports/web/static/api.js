// Explorer of the server's own descriptions, with a way to try each method.
import { $, acting, ask, button, el, failed, fill, prefix, say, T } from "./dom.js";
import { call, headers, isOpen } from "./net.js";

let methods = null, chosen = null, schemas = {};

async function load() {
  if (methods || !isOpen()) return;
  const answer = await fetch(`${prefix}/server/openrpc.json`, { headers: headers() });
  if (!answer.ok) { fill($("api-method"), el("p", { class: "muted" }, T.api.missing)); return; }
  const found = await answer.json();
  const description = found.result || found;
  schemas = (description.components || {}).schemas || {};
  methods = description.methods;
  const link = (name) => el("a", { href: `${prefix}/server/${name}.json`, target: "_blank", rel: "noreferrer" }, name);
  fill($("api-documents"), `${T.api.documents} `, link("openapi"), ", ", link("openrpc"));
  list();
}

function list() {
  const wanted = $("api-search").value.trim().toLowerCase();
  const found = (methods || []).filter((one) => `${one.name} ${one.summary || ""}`.toLowerCase().includes(wanted));
  fill($("api-methods"), ...found.map((one) => el("li", {}, button(one.name, () => choose(one), { "aria-current": one === chosen && "true" }))));
}

function choose(method) {
  chosen = method;
  for (const one of $("api-methods").querySelectorAll("button")) {
    if (one.textContent === method.name) one.setAttribute("aria-current", "true"); else one.removeAttribute("aria-current");
  }
  const params = method.params || [];
  const role = method["x-role"] || method["x-access"];
  const area = el("textarea", { id: "api-arguments", spellcheck: "false", "aria-label": T.api.json });
  area.value = JSON.stringify(Object.fromEntries(params.filter((one) => one.required).map((one) => [one.name, example(one.schema)])), null, 2);
  const answer = el("pre", { class: "answer", tabindex: 0, "aria-label": T.api.answer });
  answer.hidden = true;
  fill($("api-method"), el("h2", {}, el("code", {}, method.name)), el("p", {}, method.summary || ""),
    el("dl", { class: "facts" }, el("div", {}, el("dt", {}, T.api.role), el("dd", {}, T.access[role] || role || T.api.open))),
    el("h3", {}, T.api.arguments), params.length ? el("table", {}, el("tbody", {}, ...params.map(argument))) : el("p", { class: "muted" }, T.api.no_arguments),
    el("h3", {}, T.api.json), area, el("p", { class: "row" }, button(T.api.call, acting(() => attempt(method, area, answer, role)), { class: "strong" })), answer);
  if (window.matchMedia("(max-width: 999px)").matches) $("api-method").scrollIntoView();
}

function resolve(schema) {
  return schema && schema.$ref ? schemas[schema.$ref.split("/").at(-1)] || {} : schema || {};
}

function kind(schema) {
  const one = resolve(schema);
  if (one.enum) return one.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (one.anyOf) return one.anyOf.map(kind).join(" | ");
  if (one.type === "array") return `${kind(one.items)}[]`;
  return [one.type || "any"].flat().join(" | ");
}

function example(schema) {
  const one = resolve(schema);
  if ("default" in one) return one.default;
  if (one.enum) return one.enum[0];
  return { string: "", integer: 0, number: 0, boolean: false, array: [], object: {} }[one.type] ?? null;
}

const argument = (one) => el("tr", {}, el("th", { scope: "row" }, el("code", {}, one.name)), el("td", { class: "mono" }, kind(one.schema)), el("td", {}, one.required ? T.api.required : ""));

async function attempt(method, area, answer, role) {
  let params;
  try {
    params = JSON.parse(area.value || "{}");
    if (params === null || typeof params !== "object" || Array.isArray(params)) throw new Error(typeof params);
  } catch (error) {
    throw new Error(say(T.api.bad_json, { why: error.message }));
  }
  if (role !== "view" && role !== "open" && !(await ask(T.api.call_title, method.name, T.api.call))) return;
  const began = performance.now();
  let text;
  try { text = JSON.stringify(await call(method.name, params), null, 2); } catch (error) { text = `${error.code || ""} ${error.message}`; }
  answer.hidden = false;
  answer.textContent = `${say(T.api.took, { ms: Math.round(performance.now() - began) })}\n${text.slice(0, 200000)}`;
}

$("api-search").addEventListener("input", list);
export function enter() { load().catch(failed); }
