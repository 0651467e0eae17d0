// Explorer of the server's own descriptions (OpenRPC and OpenAPI), with a way to try each call.
import { $, acting, ask, button, el, failed, fill, prefix, say, T } from "./dom.js";
import { call, headers, isOpen } from "./net.js";

const VERBS = ["get", "post", "put", "patch", "delete"];
let entries = null, chosen = null, routes = null;

async function fetchDocument(name) {
  const answer = await fetch(`${prefix}/server/${name}.json`, { headers: headers() });
  if (!answer.ok) throw new Error(T.api.missing);
  const found = await answer.json();
  return found.result || found;
}

function rpcEntries(document) {
  const methods = document.methods.map((one) => ({
    kind: "rpc", name: one.name, summary: one.summary, role: one["x-access"], params: one.params || [], document,
    run: async (params) => JSON.stringify(await call(one.name, params), null, 2),
    safe: ["view", "open"].includes(one["x-access"]),
  }));
  const notifications = (document["x-notifications"] || []).map((one) => ({ kind: "notifications", name: one.name, summary: one.summary, sent: one.params, document }));
  return [...methods, ...notifications];
}

function httpEntries(document) {
  return Object.entries(document.paths).flatMap(([path, verbs]) => VERBS.filter((verb) => verbs[verb]).map((verb) => {
    const one = verbs[verb];
    const body = resolve(document, Object.values((one.requestBody || {}).content || {}).map((content) => content.schema)[0]);
    // What streams is for programs: no answer ends here, or it is a file. So is a body that is no
    // set of members, JSON-RPC: its methods stand here themselves.
    const told = Object.entries(one.responses || {}).flatMap(([status, answer]) => (status < 400 ? Object.keys(answer.content || {}) : []));
    const streams = !told.includes("application/json") || (one.requestBody && !(one.requestBody.content["application/json"] && body.properties));
    const inBody = Object.entries(body.properties || {}).map(([name, schema]) => ({ name, schema, required: (body.required || []).includes(name) }));
    return {
      kind: "http", name: `${verb.toUpperCase()} ${path}`, summary: one.summary, role: one["x-access"], document,
      params: [...(one.parameters || []), ...inBody], safe: verb === "get",
      run: streams ? null : (params) => askHttp(verb, path, params),
    };
  }));
}

async function askHttp(verb, path, params) {
  const left = { ...params };
  const address = path.replace(/\{(\w+)(\.\.\.)?\}/g, (_whole, name) => {
    const value = left[name] ?? "";
    delete left[name];
    return String(value).split("/").map(encodeURIComponent).join("/");
  });
  const query = new URLSearchParams(Object.entries(left).map(([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : String(value)]));
  const body = ["post", "put"].includes(verb) ? { body: JSON.stringify(left), headers: { ...headers(), "Content-Type": "application/json" } } : { headers: headers() };
  const answer = await fetch(prefix + address + (body.body || !query.size ? "" : `?${query}`), { method: verb.toUpperCase(), ...body });
  const text = await answer.text();
  let shown = text;
  try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* shown as it came */ }
  return `${answer.status} ${answer.statusText}\n${shown}`;
}

async function load() {
  if (entries || !isOpen()) return;
  entries = rpcEntries(await fetchDocument("openrpc"));
  // Plain links would come without the token.
  const link = (name) => button(name, acting(async () => {
    const token = await call("access.oneshot_token");
    el("a", { href: `${prefix}/server/${name}.json?token=${encodeURIComponent(token)}`, target: "_blank", rel: "noreferrer" }).click();
  }), { class: "plain" });
  fill($("api-documents"), T.api.documents, link("openapi"), link("openrpc"));
  list();
}

function list() {
  const wanted = $("api-search").value.trim().toLowerCase();
  const found = (entries || []).filter((one) => one.kind === $("api-kind").value && `${one.name} ${one.summary || ""}`.toLowerCase().includes(wanted));
  fill($("api-methods"), ...found.map((one) => el("li", {}, button(one.name, () => choose(one), { "aria-current": one === chosen && "true" }))));
}

function choose(one) {
  chosen = one;
  list();
  const parts = [el("h2", {}, el("code", {}, one.name)), el("p", {}, one.summary || "")];
  if (one.kind === "notifications") parts.push(el("h3", {}, T.api.sent), el("pre", { class: "answer", tabindex: 0 }, JSON.stringify(expand(one.document, one.sent || {}), null, 2)));
  else parts.push(...attempt(one));
  fill($("api-method"), ...parts);
  if (window.matchMedia("(max-width: 999px)").matches) $("api-method").scrollIntoView({ block: "center" });
}

function attempt(one) {
  const area = el("textarea", { spellcheck: "false", "aria-label": T.api.json });
  const needed = one.params.filter((param) => param.required).map((param) => [param.name, example(one.document, param.schema)]);
  area.value = JSON.stringify(Object.fromEntries(needed), null, 2);
  const answer = el("pre", { class: "answer", tabindex: 0, "aria-label": T.api.answer, hidden: true });
  const rows = one.params.map((param) => el("tr", {}, el("th", { scope: "row" }, el("code", {}, param.name)), el("td", { class: "mono" }, kind(one.document, param.schema)), el("td", {}, param.required ? T.api.required : "")));
  return [
    el("dl", { class: "facts" }, el("div", {}, el("dt", {}, T.api.role), el("dd", {}, T.access[one.role] || one.role || T.api.open))),
    el("h3", {}, T.api.arguments), rows.length ? el("table", {}, el("tbody", {}, ...rows)) : el("p", { class: "muted" }, T.api.no_arguments),
    ...(one.run ? [el("h3", {}, T.api.json), area, el("p", {}, button(T.api.call, acting(() => run(one, area, answer)), { class: "strong" })), answer] : [el("p", { class: "muted" }, T.api.streams)]),
  ];
}

async function run(one, area, answer) {
  let params;
  try {
    params = JSON.parse(area.value || "{}");
    if (params === null || typeof params !== "object" || Array.isArray(params)) throw new Error(typeof params);
  } catch (error) {
    throw new Error(say(T.api.bad_json, { why: error.message }));
  }
  if (!one.safe && !(await ask(T.api.call_title, one.name, T.api.call))) return;
  const began = performance.now();
  let text;
  try { text = await one.run(params); } catch (error) { text = `${error.code || ""} ${error.message}`; }
  answer.hidden = false;
  answer.textContent = `${say(T.api.took, { ms: Math.round(performance.now() - began) })}\n${text.slice(0, 200000)}`;
}

function resolve(document, schema) {
  return schema && schema.$ref ? (document.components.schemas || {})[schema.$ref.split("/").at(-1)] || {} : schema || {};
}

function expand(document, schema, depth = 0) {
  if (depth > 6 || typeof schema !== "object" || schema === null) return schema;
  const one = resolve(document, schema);
  if (Array.isArray(one)) return one.map((part) => expand(document, part, depth + 1));
  return Object.fromEntries(Object.entries(one).map(([name, value]) => [name, expand(document, value, depth + 1)]));
}

function kind(document, schema) {
  const one = resolve(document, schema);
  if (one.enum) return one.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (one.anyOf) return one.anyOf.map((choice) => kind(document, choice)).join(" | ");
  if (one.type === "array") return `${kind(document, one.items)}[]`;
  return [one.type || "any"].flat().join(" | ");
}

function example(document, schema) {
  const one = resolve(document, schema);
  if ("default" in one) return one.default;
  if (one.enum) return one.enum[0];
  return { string: "", integer: 0, number: 0, boolean: false, array: [], object: {} }[one.type] ?? null;
}

$("api-search").addEventListener("input", list);
// A document costs the server some work: the second one only when it is wanted.
$("api-kind").addEventListener("change", () => {
  list();
  if ($("api-kind").value !== "http" || !entries) return;
  routes = routes || fetchDocument("openapi").then((document) => { entries.push(...httpEntries(document)); });
  routes.then(list, (error) => { routes = null; failed(error); });
});
export function enter() { load().catch(failed); }
