// The page's frame: which part is shown, what the caller may do, the state in the header.
import { $, acting, ask, el, fill, prefix, setText, show, T } from "./dom.js";
import { call, connect, may, me, on } from "./net.js";
import { klippyState, onStatus, shownState, status } from "./printer.js";
import * as statusPart from "./status.js";

const PARTS = { status: null, files: "./files.js", runs: "./runs.js", log: "./log.js", config: "./config.js", access: "./access.js", api: "./api.js" };
const title = document.title;
const loaded = { status: statusPart };
let current = null;

async function turnTo(name) {
  if (!(name in PARTS)) name = "status";
  if (current && loaded[current] && loaded[current].leave) loaded[current].leave();
  current = name;
  for (const part of Object.keys(PARTS)) show($(`${part}-tab`), part === name);
  for (const link of document.querySelectorAll(".body > nav a")) {
    if (link.hash === `#${name}`) { link.setAttribute("aria-current", "page"); link.scrollIntoView({ block: "nearest", inline: "nearest" }); }
    else link.removeAttribute("aria-current");
  }
  document.title = `${T.nav[name]} · ${title}`;
  if (PARTS[name] && !loaded[name]) loaded[name] = await import(PARTS[name]);
  if (name === current && loaded[name] && loaded[name].enter) loaded[name].enter();
}

function showRights() {
  for (const node of document.querySelectorAll("[data-needs]")) node.classList.toggle("off", !may(node.dataset.needs));
  for (const node of document.querySelectorAll("[data-below]")) node.classList.toggle("off", may(node.dataset.below));
}

function showLink(state) {
  $("link").dataset.link = state;
  fill($("link"), el("span", {}, T.frame[state]));
}

on("open", (who) => {
  showLink("connected");
  showRights();
  if ($("why-not")) $("why-not").remove();
  if (current && loaded[current] && loaded[current].enter) loaded[current].enter();
  if (who.authorized) refreshName();
});
on("locked", () => {
  if ($("why-not")) $("why-not").remove();
  showLink("locked");
  showRights();
  setText($("state"), T.frame.locked);
  $("state").dataset.state = "unknown";
  show($("klippy"), false);
  if (location.hash === "#access") turnTo("access");
  else location.hash = "#access";
});
on("closed", () => showLink("closed"));

async function refreshName() {
  const info = await call("printer.info").catch(() => null);
  if (info && info.hostname) setText($("host"), info.hostname);
}

onStatus(() => {
  const state = shownState();
  setText($("state"), T.state[state] || state);
  $("state").dataset.state = state;
  show($("klippy"), klippyState() !== "ready");
  setText($("klippy-message"), (status.webhooks || {}).state_message || T.state[klippyState()] || klippyState());
});

$("stop").addEventListener("click", acting(async () => {
  if (await ask(T.frame.stop_title, T.frame.stop_text, T.frame.stop_yes, true)) await call("printer.emergency_stop");
}));
$("klippy-restart").addEventListener("click", acting(() => call("printer.restart")));
$("firmware-restart").addEventListener("click", acting(() => call("printer.firmware_restart")));
window.addEventListener("hashchange", () => { turnTo(location.hash.slice(1)); $("main").focus({ preventScroll: true }); });

showRights();
turnTo(location.hash.slice(1) || "status");
connect();
