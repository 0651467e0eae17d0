// Small ways to make elements. Texts only ever become text nodes: nothing from outside is markup.
export const T = JSON.parse(document.getElementById("texts").textContent);
export const $ = (id) => document.getElementById(id);

export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== null && child !== false));
  return node;
}

const CONTROLS = "a[href],button,input,select,textarea,summary";
const controls = (row) => [...(row.matches(CONTROLS) ? [row] : []), ...row.querySelectorAll(CONTROLS)];
const nameOf = (control) => control.getAttribute("aria-label") || control.textContent;

// What is drawn anew keeps the focus that was in it: on the control of the same name, else on the like one in the same row.
export function fill(node, ...children) {
  const before = document.activeElement, at = [...node.children].findIndex((row) => row.contains(before));
  node.replaceChildren(...children);
  if (at < 0 || !node.children.length) return;
  const there = controls(node.children[Math.min(at, node.children.length - 1)]);
  const next = controls(node).find((one) => nameOf(one) === nameOf(before)) || there.find((one) => one.textContent === before.textContent) || there[0];
  if (next) next.focus({ preventScroll: true });
}

export const show = (node, wanted) => { node.hidden = !wanted; };
export const say = (text, values) =>
  text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
export const fact = (name, value, full) => el("div", { class: full && "full" }, el("dt", {}, name), el("dd", {}, value));
export const button = (text, onclick, props = {}) => el("button", { type: "button", ...props, onclick }, text);

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Adds at the end, of which it stays in sight; the oldest of more than `most` go, and a note that there are none.
export function addLines(box, lines, most) {
  const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 8;
  if (box.firstChild && box.firstChild.className === "from") fill(box);
  box.append(...lines);
  while (box.children.length > most) box.firstChild.remove();
  if (atEnd) box.scrollTop = box.scrollHeight;
}

export function toast(text, bad = false) {
  const line = el("p", { class: bad && "bad", role: bad && "alert" }, text);
  $("toasts").append(line);
  while ($("toasts").children.length > 4) $("toasts").firstChild.remove();
  setTimeout(() => line.remove(), bad ? 9000 : 4000);
}

export const failed = (error) => toast(say(T.frame.failed, { why: error.message || String(error) }), true);

// A handler that tells what went wrong, and keeps its button from being pressed twice; one that is disabled loses the focus.
export function acting(action) {
  return async (event) => {
    event.preventDefault();
    const pressed = event.submitter || event.currentTarget;
    if (pressed.hasAttribute("aria-disabled")) return;
    pressed.setAttribute("aria-disabled", "true");
    try { await action(event); } catch (error) { failed(error); } finally { pressed.removeAttribute("aria-disabled"); }
  };
}

export function ask(title, text, yes, danger = false) {
  const dialog = $("ask");
  $("ask-title").textContent = title;
  $("ask-text").textContent = text;
  $("ask-yes").textContent = yes;
  $("ask-yes").className = danger ? "danger strong" : "strong";
  return new Promise((resolve) => {
    const end = (answer) => () => { if (dialog.open) dialog.close(); resolve(answer); };
    $("ask-yes").onclick = end(true);
    $("ask-no").onclick = end(false);
    dialog.onclose = end(false);
    dialog.showModal();
    $("ask-no").focus();
  });
}

export function bytes(count) {
  if (count == null) return "–";
  for (const unit of ["B", "KB", "MB", "GB"]) {
    if (count < 1000 || unit === "GB") return `${count < 10 && unit !== "B" ? count.toFixed(1) : Math.round(count)} ${unit}`;
    count /= 1000;
  }
}

export function duration(seconds) {
  if (seconds == null || !Number.isFinite(seconds)) return "–";
  seconds = Math.max(0, Math.round(seconds));
  const days = Math.floor(seconds / 86400), hours = Math.floor(seconds / 3600) % 24, minutes = Math.floor(seconds / 60) % 60;
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

export const when = (seconds) => seconds ? new Date(seconds * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }) : "–";
export const clock = (date) => date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
export const prefix = document.body.dataset.prefix;
