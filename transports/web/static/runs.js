// The tree of what runs, the event loop's lag, and who is connected; asked anew while shown.
import { $, bytes, duration, el, fact, failed, fill, say, T } from "./dom.js";
import { call, isOpen, may, ownConnection } from "./net.js";

const EVERY_MS = 2000;
let timer = null;

function node(one) {
  const text = [say(T.runs.since, { time: duration(Date.now() / 1000 - one.since) })];
  if (one.restarts) text.push(one.restarts === 1 ? T.runs.restart : say(T.runs.restarts, { count: one.restarts }));
  return el("li", {},
    el("div", { class: one.state }, el("span", { class: "dot", "aria-hidden": "true" }), el("b", {}, one.name), el("span", { class: "tag" }, one.state),
      one.essential && el("span", { class: "tag" }, T.runs.essential), el("small", {}, text.join(", ")), one.last_error && el("span", { class: "last" }, one.last_error)),
    one.children.length > 0 && el("ul", {}, ...one.children.map(node)));
}

function showHistogram({ bounds_ms: bounds, counts }) {
  const whole = counts.reduce((sum, count) => sum + count, 0) || 1;
  fill($("histogram"), ...counts.map((count, index) => {
    const name = index < bounds.length ? say(T.runs.at_most, { ms: bounds[index] }) : say(T.runs.above, { ms: bounds.at(-1) });
    return el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, el("progress", { max: whole, value: count, "aria-label": name })), el("td", {}, count.toLocaleString()));
  }));
}

const userName = (user) => (!user ? "–" : user.startsWith("_TRUSTED") ? T.runs.trusted : user.replace(/^_API_KEY_USER_:?/, T.runs.key));

function clientRow(one) {
  const name = one.client_name ? `${one.client_name} ${one.version || ""}` : T.runs.no_name;
  const own = one.connection_id === ownConnection();
  return el("tr", {}, el("td", {}, name, own && el("span", { class: "tag" }, ` (${T.runs.own})`), el("br"), el("span", { class: "tag" }, [one.type, one.transport].filter(Boolean).join(", "))),
    el("td", {}, one.address || "–"),
    el("td", {}, one.authorized ? userName(one.user) : T.runs.stranger, el("br"), el("span", { class: "tag" }, one.authorized ? one.role : "")),
    el("td", { class: "number" }, bytes(one.waiting_bytes)));
}

async function look() {
  if (isOpen() && !document.hidden) {
    const [runs, stats, info] = await Promise.all([call("server.nurseries"), call("machine.proc_stats"), call("server.info")]);
    const sample = stats.moonraker_stats.at(-1) || {};
    fill($("runs-facts"), fact(T.runs.version, info.moonraker_version), fact(T.runs.generation, String(runs.generation)),
      fact(T.runs.cpu, sample.cpu_usage == null ? "–" : `${sample.cpu_usage.toFixed(1)} %`), fact(T.runs.memory, bytes((sample.memory || 0) * 1024)),
      fact(T.runs.lag, `${runs.loop_lag_ms.latest} ms`), fact(T.runs.lag_worst, `${runs.loop_lag_ms.worst_last_minute} ms`));
    fill($("tree"), ...runs.nurseries.map(node));
    showHistogram(runs.loop_lag_histogram);
    if (may("admin")) fill($("clients"), ...(await call("server.connection.list")).connections.map(clientRow));
  }
}

async function again() {
  clearTimeout(timer);
  const mine = timer = setTimeout(() => {}, 0);
  try { await look(); } catch (error) { failed(error); }
  if (mine === timer) timer = setTimeout(again, EVERY_MS);
}

export const enter = again;
export function leave() { clearTimeout(timer); timer = null; }
