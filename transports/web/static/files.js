// G-code files: folders, upload with progress, print, queue, delete.
import { $, acting, ask, button, bytes, duration, el, failed, fill, prefix, say, setText, show, T, toast, when } from "./dom.js";
import { call, download, headers, isOpen, may, on } from "./net.js";
import { fileAddress } from "./status.js";

const PAGE = 200;
const PRINTED = /\.(gcode|gco|g|nc|ufp)$/i;
let folder = "gcodes", listing = { dirs: [], files: [] }, most = PAGE, shown = false, due = null;

const inFolder = (name) => (folder === "gcodes" ? name : `${folder.slice("gcodes/".length)}/${name}`);

async function load() {
  if (!isOpen()) return;
  const asked = folder;
  const found = await call("server.files.get_directory", { path: folder, extended: true });
  if (asked !== folder) return;
  listing = found;
  const disk = found.disk_usage;
  setText($("files-free"), disk ? say(T.files.free, { free: bytes(disk.free), total: bytes(disk.total) }) : "");
  draw();
}

function go(to) { folder = to; most = PAGE; load().catch(failed); }

function crumbs() {
  const parts = folder.split("/");
  fill($("crumbs"), ...parts.flatMap((name, index) => {
    const to = parts.slice(0, index + 1).join("/");
    const here = index === parts.length - 1;
    return [index > 0 && "/", button(name, () => go(to), { class: "plain", "aria-current": here && "location" })];
  }).filter(Boolean));
}

function picture(file) {
  const small = [...(file.thumbnails || [])].sort((a, b) => a.width - b.width).find((one) => one.width >= 32);
  if (!small) return el("span", { class: "blank", "aria-hidden": "true" });
  return el("img", { src: fileAddress(inFolder(small.relative_path), file.modified), alt: "", loading: "lazy", width: 36, height: 36 });
}

function folderRow(entry) {
  return el("tr", {}, el("td", { colspan: 5 }, el("div", { class: "what" }, el("span", { class: "blank", "aria-hidden": "true" }),
    button(`${entry.dirname}/`, () => go(`${folder}/${entry.dirname}`), { class: "plain" }))));
}

function fileRow(file) {
  const path = inFolder(file.filename), name = file.filename, time = file.estimated_time_klipper ?? file.estimated_time;
  const printed = may("operate") && PRINTED.test(name);
  const actions = el("div", { class: "row" },
    printed && button(T.files.print, acting(async () => {
      if (!(await ask(T.files.print_title, name, T.files.print))) return;
      await call("printer.print.start", { filename: path });
      location.hash = "#status";
    }), { "aria-label": say(T.files.print_of, { name }) }),
    printed && button("+", acting(async () => {
      await call("server.job_queue.post_job", { filenames: [path] });
      toast(say(T.files.queued, { name }));
    }), { class: "plain", "aria-label": say(T.files.queue_of, { name }), title: T.files.queue }),
    button("↓", acting(() => download(fileAddress(path), name)), { class: "plain", "aria-label": say(T.files.download_of, { name }), title: T.files.download }),
    may("operate") && button("×", acting(async () => {
      if (await ask(T.files.delete_title, name, T.files.delete, true)) await call("server.files.delete_file", { path: `gcodes/${path}` });
    }), { class: "plain", "aria-label": say(T.files.delete_of, { name }), title: T.files.delete }));
  return el("tr", {}, el("td", {}, el("div", { class: "what" }, picture(file), el("div", {}, name, el("span", { class: "tag narrow" }, `${duration(time)}, ${bytes(file.size)}`)))),
    el("td", { class: "number wide" }, bytes(file.size)),
    el("td", { class: "number wide" }, duration(time)),
    el("td", { class: "wide" }, when(file.modified)), el("td", {}, actions));
}

function draw() {
  crumbs();
  const wanted = $("files-filter").value.trim().toLowerCase();
  const fits = (name) => name.toLowerCase().includes(wanted);
  const dirs = listing.dirs.filter((entry) => !entry.dirname.startsWith(".") && fits(entry.dirname)).sort((a, b) => a.dirname.localeCompare(b.dirname));
  const files = listing.files.filter((file) => fits(file.filename)).sort((a, b) => b.modified - a.modified);
  fill($("file-rows"), ...dirs.map(folderRow), ...files.slice(0, most).map(fileRow));
  show($("files-empty"), !dirs.length && !files.length);
  show($("files-more"), files.length > most);
  setText($("files-more"), say(T.frame.more, { count: Math.min(files.length - most, PAGE) }));
}

// Uploads: one after the other, each with its progress.

const waiting = [];
let busy = false;

function send(file, print) {
  const bar = el("progress", { max: 100, value: 0, "aria-label": say(T.files.uploading, { name: file.name, percent: 0 }) });
  const label = el("span", { class: "grow" }, file.name), percent = el("span", { class: "tag" }, "0 %");
  const request = new XMLHttpRequest();
  const row = el("li", {}, label, bar, percent, button("×", () => { request.abort(); finish(T.frame.cancel); }, { class: "plain", "aria-label": say(T.files.stop_upload, { name: file.name }) }));
  let over = () => {};
  function finish(text, bad) {
    row.replaceChildren(el("span", { class: bad ? "grow error" : "grow" }, text));
    setTimeout(() => row.remove(), bad ? 20000 : 6000);
    over();
  }
  request.upload.onprogress = (event) => {
    const done = event.lengthComputable ? Math.floor((event.loaded / event.total) * 100) : 0;
    bar.value = done;
    bar.setAttribute("aria-label", say(T.files.uploading, { name: file.name, percent: done }));
    percent.textContent = `${done} %`;
  };
  request.onload = () => {
    let answer = {};
    try { answer = JSON.parse(request.responseText); } catch { /* told by the status */ }
    if (request.status === 201) finish(answer.print_refused ? say(T.files.upload_failed, { name: file.name, why: answer.print_refused }) : say(T.files.uploaded, { name: file.name }), !!answer.print_refused);
    else finish(say(T.files.upload_failed, { name: file.name, why: (answer.error && answer.error.message) || request.status }), true);
    if (request.status === 201 && answer.print_started) location.hash = "#status";
  };
  request.onerror = () => finish(say(T.files.upload_failed, { name: file.name, why: T.frame.closed }), true);
  $("uploads").append(row);
  const start = () => new Promise((resolve) => {
    over = resolve;
    if (!row.isConnected) { resolve(); return; }
    const form = new FormData();
    form.append("root", "gcodes");
    if (folder !== "gcodes") form.append("path", folder.slice("gcodes/".length));
    if (print) form.append("print", "true");
    form.append("file", file, file.name);
    request.open("POST", `${prefix}/server/files/upload`);
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.send(form);
  });
  waiting.push(start);
}

async function work() {
  if (busy) return;
  busy = true;
  while (waiting.length) await waiting.shift()();
  busy = false;
}

function take(list) {
  const files = [...list];
  files.forEach((file, index) => send(file, $("upload-print").checked && index === 0));
  work();
}

$("upload").addEventListener("change", () => { take($("upload").files); $("upload").value = ""; });
for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  $("files-tab").addEventListener(name, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", over && may("operate"));
    if (name === "drop" && may("operate")) take(event.dataTransfer.files);
  });
}
$("files-filter").addEventListener("input", () => { most = PAGE; draw(); });
$("files-more").addEventListener("click", () => { most += PAGE; draw(); });
on("notify_filelist_changed", () => {
  if (shown && due === null) due = setTimeout(() => { due = null; load().catch(failed); }, 300);
});

export function enter() { shown = true; load().catch(failed); }
export function leave() { shown = false; }
