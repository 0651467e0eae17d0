// Who one is and why; users and keys; the first user.
import { $, acting, ask, button, el, fact, failed, fill, say, show, T, toast, when } from "./dom.js";
import { call, forget, logIn, logOut, may, me } from "./net.js";

const ROLES = ["admin", "operate", "view"];

function showMe(info) {
  const person = info.user && !info.user.startsWith("_");
  fill($("you"), fact(T.access.name, person ? info.user : T.access.nobody), fact(T.access.role, info.role ? T.access[info.role] : "–"), fact(T.access.why, info.reason, true));
  show($("login-card"), !person);
  show($("log-out"), person);
  show($("password-card"), person);
  show($("people"), may("admin"));
  const several = info.available_sources.length > 1;
  fill($("login-source"), ...info.available_sources.map((source) => el("option", { value: source }, source)));
  $("login-source").value = info.default_source;
  for (const node of [$("login-source"), document.querySelector("label[for=login-source]")]) show(node, several);
}

function roleChoice(name, role, change) {
  const select = el("select", { "aria-label": say(T.access.role_of, { name }) }, ...ROLES.map((one) => el("option", { value: one }, T.access[one])));
  select.value = role || "admin";
  select.addEventListener("change", () => change(select.value).catch((error) => { failed(error); load(); }));
  return select;
}

const remove = (name, text, action, label) => button(text, acting(async () => {
  if (!(await ask(say(T.access.remove_title, { name }), T.access.remove_text, text, true))) return;
  await action();
  await load();
}), { class: "danger", "aria-label": say(label, { name }) });

function userRow(user) {
  return el("tr", {}, el("td", {}, el("b", {}, user.username), el("br"), el("span", { class: "tag" }, `${user.source}, ${when(user.created_on)}`)),
    el("td", {}, roleChoice(user.username, user.role, (role) => call("access.user.role", { username: user.username, role }))),
    el("td", { class: "number" }, remove(user.username, T.access.remove, () => call("access.delete_user", { username: user.username }), T.access.remove_of)));
}

const keyRow = (key) => el("tr", {}, el("td", {}, el("b", {}, key.name), el("br"), el("span", { class: "tag" }, when(key.created_on))), el("td", {}, T.access[key.role] || key.role),
  el("td", { class: "number" }, remove(key.name, T.access.revoke, () => call("access.keys.revoke", { name: key.name }), T.access.revoke_of)));

async function load() {
  const info = await call("access.info");
  showMe(info);
  if (!may("admin")) return;
  const [{ users }, { keys }] = await Promise.all([call("access.users.list"), call("access.keys.list")]);
  fill($("users"), ...users.map(userRow));
  show($("no-users"), !users.length);
  show($("first-card"), !users.length);
  if (!users.length) show($("login-card"), false);
  fill($("keys"), ...keys.map(keyRow));
  show($("no-keys"), !keys.length);
}

// A form whose mistakes are told beside it.
function form(name, error, action) {
  $(name).addEventListener("submit", acting(async () => {
    $(error).textContent = "";
    try {
      await action();
      $(name).reset();
    } catch (failure) {
      $(error).textContent = failure.message;
    }
  }));
}

form("login", "login-error", async () => {
  await logIn($("login-name").value, $("login-password").value, $("login-source").value);
  if (me.authorized && location.hash === "#access") location.hash = "#status";
});
form("new-user", "user-error", async () => {
  const username = $("user-name").value, password = $("user-password").value;
  if (password !== $("user-repeat").value) throw new Error(T.access.differ);
  await call("access.post_user", { username, password, role: $("user-role").value });
  toast(say(T.access.made, { name: username }));
  await load();
});
form("new-key", "key-error", async () => {
  const name = $("key-name").value;
  const key = await call("access.keys.create", { name, role: $("key-role").value });
  fill($("key-shown"), say(T.access.key_shown, { name }), el("br"), el("code", {}, key.api_key));
  show($("key-shown"), true);
  await load();
});
form("own-password", "password-error", async () => {
  await call("access.user.password", { password: $("password-old").value, new_password: $("password-new").value });
  toast(T.access.changed);
});
$("log-out").addEventListener("click", acting(async () => { try { await logOut(); } finally { forget(); } }));

export function enter() { load().catch(failed); }
