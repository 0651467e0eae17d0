// The log as it is written: asks for what comes next and waits for it; who is too slow skips lines.
import { $, acting, addLines, el, fill, prefix, say, T } from "./dom.js";
import { call, download, isOpen, on } from "./net.js";

const MOST = 1000, WAIT_S = 20;
let seq = 0, run = 0, paused = false, shown = false;

function time(seconds) {
  const date = new Date(seconds * 1000);
  return `${date.toLocaleTimeString([], { hour12: false })}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

function fits(row) { row.hidden = !row.textContent.toLowerCase().includes($("log-filter").value.trim().toLowerCase()); }

function add(rows) {
  rows.forEach(fits);
  addLines($("log-lines"), rows, MOST);
}

const row = (line) => el("p", { "data-level": line.level }, el("time", {}, time(line.time)), ` ${line.level.toUpperCase().padEnd(7)} `, el("span", { class: "from" }, `${line.logger}: `), line.message);

async function follow() {
  const mine = ++run;
  while (mine === run && shown && !paused && isOpen()) {
    let found;
    try { found = await call("server.logs.tail", { after: seq, level: $("log-level").value, lines: 300, wait: seq ? WAIT_S : 0 }); } catch { return; }
    if (mine !== run) return;
    if (!seq && !found.lines.length) fill($("log-lines"), el("p", { class: "from" }, T.log.empty));
    seq = found.next || 0;
    if (found.skipped) add([el("p", { "data-level": "warning" }, say(T.log.skipped, { count: found.skipped }))]);
    if (found.lines.length) add(found.lines.map(row));
    if (!seq) await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

function anew() { seq = 0; fill($("log-lines")); follow(); }

$("log-level").addEventListener("change", anew);
$("log-filter").addEventListener("input", () => [...$("log-lines").children].forEach(fits));
$("log-clear").addEventListener("click", () => fill($("log-lines")));
$("log-pause").addEventListener("click", () => {
  paused = !paused;
  $("log-pause").setAttribute("aria-pressed", String(paused));
  $("log-pause").textContent = paused ? T.log.follow : T.log.pause;
  if (paused) run++; else follow();
});
$("log-download").addEventListener("click", acting(() => download(`${prefix}/server/files/moonraker.log`, "moonraker.log")));
on("closed", () => { seq = 0; });

export function enter() { shown = true; if (!seq) fill($("log-lines")); follow(); }
export function leave() { shown = false; run++; }
