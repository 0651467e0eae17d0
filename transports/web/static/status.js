// The first part: print, temperatures, console, queue, camera.
import { $, acting, addLines, ask, button, clock, duration, el, fact, failed, fill, prefix, say, setText, show, T } from "./dom.js";
import { call, isOpen, may, on } from "./net.js";
import { jobState, klippyState, onStatus, sensorLabel, sensors, status } from "./printer.js";
import { draw, SAMPLES } from "./chart.js";
import "./camera.js";

const series = new Map();
const rows = new Map();
let file = null, metadata = null, progress = null;

// Print

function jobShown() { return klippyState() === "ready" && !!(status.print_stats || {}).filename; }

async function followFile() {
  const name = (status.print_stats || {}).filename || null;
  if (name === file) return;
  file = name;
  metadata = progress = null;
  show($("job-image"), false);
  if (!name) return;
  try { metadata = await call("server.files.metadata", { filename: name }); } catch { return; }
  const pictures = [...(metadata.thumbnails || [])].sort((a, b) => a.width - b.width);
  const picture = pictures.find((one) => one.width >= 96) || pictures.at(-1);
  if (!picture || file !== name) return;
  const folder = name.includes("/") ? name.slice(0, name.lastIndexOf("/") + 1) : "";
  $("job-image").src = fileAddress(folder + picture.relative_path, metadata.modified);
  $("job-image").alt = say(T.job.thumbnail, { name });
  show($("job-image"), true);
}

export const fileAddress = (path, version) =>
  `${prefix}/server/files/gcodes/${path.split("/").map(encodeURIComponent).join("/")}${version ? `?v=${Math.floor(version)}` : ""}`;

async function askProgress() {
  if (!isOpen() || jobState() !== "printing" || document.hidden) return;
  progress = await call("server.analysis.progress").catch(() => null);
}
setInterval(askProgress, 5000);

function timeLeft(done) {
  const stats = status.print_stats;
  if (progress && progress.time_left !== null && progress.filename === file) return progress.time_left;
  const whole = metadata && (metadata.estimated_time_klipper || metadata.estimated_time);
  if (whole) return whole * (1 - done);
  return done > 0.02 && stats.print_duration > 0 ? (stats.print_duration / done) * (1 - done) : null;
}

function showJob() {
  followFile();
  const shown = jobShown(), state = jobState(), stats = status.print_stats || {};
  show($("job"), shown);
  show($("job-idle"), !shown);
  if (!shown) return;
  const over = !["printing", "paused"].includes(state);
  const done = state === "complete" ? 1 : (status.virtual_sdcard || {}).progress || 0;
  const percent = Math.round(done * 1000) / 10;
  setText($("job-name"), stats.filename);
  setText($("job-message"), stats.message || (status.display_status || {}).message || "");
  $("job-progress").value = percent;
  setText($("job-percent"), `${Math.round(percent)} %`);
  const info = stats.info || {}, facts = [fact(T.job.elapsed, duration(stats.print_duration))];
  if (!over) {
    const left = timeLeft(done);
    facts.push(fact(T.job.left, duration(left)));
    if (left !== null && state === "printing") facts.push(fact(T.job.ends, clock(new Date(Date.now() + left * 1000))));
  }
  if (info.current_layer != null && info.total_layer) facts.push(fact(T.job.layer, say(T.job.of, { a: info.current_layer, b: info.total_layer })));
  facts.push(fact(T.job.filament, `${((stats.filament_used || 0) / 1000).toFixed(2)} m`));
  fill($("job-facts"), ...facts);
  const focused = document.activeElement;
  show($("job-pause"), state === "printing");
  show($("job-resume"), state === "paused");
  show($("job-cancel"), !over);
  show($("job-again"), over);
  show($("job-clear"), over);
  const other = { "job-pause": "job-resume", "job-resume": "job-pause" }[focused.id];
  if (focused.hidden && other && !$(other).hidden) $(other).focus({ preventScroll: true });
}

$("job-pause").addEventListener("click", acting(() => call("printer.print.pause")));
$("job-resume").addEventListener("click", acting(() => call("printer.print.resume")));
$("job-cancel").addEventListener("click", acting(async () => {
  if (await ask(T.job.cancel_title, say(T.job.cancel_text, { name: file }), T.job.cancel, true)) await call("printer.print.cancel");
}));
$("job-again").addEventListener("click", acting(() => call("printer.print.start", { filename: file })));
$("job-clear").addEventListener("click", acting(() => call("printer.gcode.script", { script: "SDCARD_RESET_FILE" })));

// Temperatures

const gcodeName = (name) => name.replace(/^heater_generic /, "").replace(/^temperature_fan /, "");
function targetScript(name, value) {
  if (name.startsWith("temperature_fan ")) return `SET_TEMPERATURE_FAN_TARGET TEMPERATURE_FAN="${gcodeName(name)}" TARGET=${value}`;
  return `SET_HEATER_TEMPERATURE HEATER="${gcodeName(name)}" TARGET=${value}`;
}

function makeRows() {
  rows.clear();
  const shown = sensors.filter((name) => "temperature" in (status[name] || {}));
  shown.forEach((name, index) => {
    const now = el("td", { class: "number" }), power = el("td", { class: "number muted" });
    let target = el("td", { class: "number" });
    let input = null;
    if ("target" in status[name]) {
      input = el("input", { type: "text", inputmode: "decimal", "aria-label": say(T.temps.set, { name: sensorLabel(name) }), disabled: !may("operate") });
      input.addEventListener("change", () => {
        const value = Number(input.value.replace(",", "."));
        if (input.value === "" || !Number.isFinite(value)) return;
        call("printer.gcode.script", { script: targetScript(name, value) }).catch(failed);
      });
      target.append(input);
    }
    const label = el("td", {}, el("span", { class: `dot k${index % 6}`, "aria-hidden": "true" }), sensorLabel(name));
    rows.set(name, { row: el("tr", {}, label, now, target, power), now, input, power, colour: index % 6 });
  });
  fill($("temps"), ...[...rows.values()].map((one) => one.row));
  if (!rows.size) fill($("temps"), el("tr", {}, el("td", { colspan: 4, class: "muted" }, T.temps.none)));
}

function showTemperatures() {
  for (const [name, row] of rows) {
    const one = status[name] || {};
    setText(row.now, one.temperature == null ? "–" : `${one.temperature.toFixed(1)} °C`);
    const power = one.power ?? one.speed;
    setText(row.power, power == null ? "" : `${Math.round(power * 100)} %`);
    if (row.input && document.activeElement !== row.input) row.input.value = one.target || 0;
  }
}

async function loadHistory() {
  makeRows();
  series.clear();
  const store = await call("server.temperature_store").catch(() => ({}));
  for (const [name, row] of rows) {
    const kept = store[name] || {};
    series.set(name, { colour: row.colour, temperatures: (kept.temperatures || []).slice(-SAMPLES), targets: (kept.targets || []).slice(-SAMPLES) });
  }
  redraw();
}

function redraw() { if (!$("status-tab").hidden && !document.hidden) draw($("chart"), series); }
setInterval(() => {
  if (!isOpen() || klippyState() !== "ready") return;
  for (const [name, one] of series) {
    const now = status[name] || {};
    one.temperatures.push(now.temperature ?? null);
    one.targets.push(now.target ?? null);
    if (one.temperatures.length > SAMPLES) one.temperatures.shift();
    if (one.targets.length > SAMPLES) one.targets.shift();
  }
  redraw();
}, 1000);
window.addEventListener("resize", redraw);
export const enter = redraw;
$("heaters-off").addEventListener("click", acting(() => call("printer.gcode.script", { script: "TURN_OFF_HEATERS" })));

let known = "";
onStatus(() => {
  showJob();
  const names = sensors.join("|") + klippyState();
  if (names !== known) { known = names; loadHistory(); }
  showTemperatures();
});

// Console

const sent = [];
let back = 0;
function addLine(text, kind) {
  const line = el("p", { class: kind === "command" ? "sent" : text.startsWith("!!") ? "bad" : undefined }, kind === "command" ? `› ${text}` : text);
  addLines($("console"), [line], 300);
}
on("open", async () => {
  const store = await call("server.gcode_store", { count: 100 }).catch(() => ({ gcode_store: [] }));
  fill($("console"));
  for (const entry of store.gcode_store) addLine(entry.message, entry.type);
  if (!store.gcode_store.length) fill($("console"), el("p", { class: "from" }, T.console.empty));
  $("console").scrollTop = $("console").scrollHeight;
});
on("notify_gcode_response", (text) => addLine(text, "response"));
$("console-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const script = $("console-input").value.trim();
  if (!script) return;
  sent.push(script);
  back = sent.length;
  $("console-input").value = "";
  addLine(script, "command");
  call("printer.gcode.script", { script }).catch(failed);
});
$("console-input").addEventListener("keydown", (event) => {
  if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
  back = Math.min(Math.max(back + (event.key === "ArrowUp" ? -1 : 1), 0), sent.length);
  $("console-input").value = sent[back] || "";
  event.preventDefault();
});

// Queue

function showQueue({ queued_jobs: jobs, queue_state: state }) {
  show($("queue-empty"), !jobs.length);
  show($("queue-start"), jobs.length > 0 && state === "paused");
  show($("queue-pause"), jobs.length > 0 && state !== "paused");
  fill($("queue"), ...jobs.map((job) => el("li", {}, el("span", { class: "grow" }, job.filename),
    may("operate") && button("×", acting(() => call("server.job_queue.delete_job", { job_ids: [job.job_id] })), { class: "plain", "aria-label": say(T.queue.remove, { name: job.filename }) }))));
}
const askQueue = async () => { if (isOpen()) showQueue(await call("server.job_queue.status")); };
on("open", () => askQueue().catch(failed));
on("notify_job_queue_changed", () => askQueue().catch(failed));
$("queue-start").addEventListener("click", acting(() => call("server.job_queue.start")));
$("queue-pause").addEventListener("click", acting(() => call("server.job_queue.pause")));
