// One websocket for all calls and notifications, and who we are. Tokens stay in this tab.
import { el, prefix, T } from "./dom.js";

const WAIT_MS = [500, 1000, 2000, 5000, 10000];
const ROLES = ["view", "operate", "admin"];
const listeners = new Map();
const pending = new Map();
let socket = null, nextId = 1, tries = 0, connectionId = null;
export let me = { authorized: false, role: null };

export const on = (name, heard) => { listeners.set(name, [...(listeners.get(name) || []), heard]); };
function tell(name, ...values) { for (const heard of listeners.get(name) || []) heard(...values); }
export const may = (role) => me.authorized && ROLES.indexOf(me.role) >= ROLES.indexOf(role);
export const isOpen = () => socket !== null && socket.readyState === 1 && me.authorized;
export const ownConnection = () => connectionId;

class CallFailed extends Error {
  constructor(error) {
    super(typeof error.data === "string" ? error.data : error.message);
    this.code = error.code;
  }
}

export function call(method, params = {}) {
  if (!socket || socket.readyState !== 1) return Promise.reject(new Error(T.frame.closed));
  const id = nextId++;
  socket.send(JSON.stringify({ jsonrpc: "2.0", method, params, id }));
  return new Promise((resolve, reject) => pending.set(id, { resolve, reject }));
}

export const token = () => sessionStorage.getItem("token");
export const headers = () => (token() ? { Authorization: `Bearer ${token()}` } : {});

function keep(answer) {
  if (answer.token) sessionStorage.setItem("token", answer.token);
  if (answer.refresh_token) sessionStorage.setItem("refresh", answer.refresh_token);
}

export function forget() {
  sessionStorage.removeItem("token");
  sessionStorage.removeItem("refresh");
}

export async function logIn(username, password, source) {
  keep(await call("access.login", { username, password, ...(source ? { source } : {}) }));
  await introduce();
}

export async function logOut() {
  await call("access.logout");
  forget();
  socket.close();
}

// Access tokens last an hour.
async function refresh() {
  const refreshToken = sessionStorage.getItem("refresh");
  if (!refreshToken) return false;
  try {
    keep(await call("access.refresh_jwt", { refresh_token: refreshToken }));
    return true;
  } catch {
    return false;
  }
}
setInterval(() => { if (socket && socket.readyState === 1) refresh(); }, 45 * 60 * 1000);

const identity = () => ({ client_name: "mrk page", version: document.body.dataset.version, type: "web", url: location.origin });

async function introduce() {
  const identify = () => call("server.connection.identify", { ...identity(), ...(token() ? { access_token: token() } : {}) });
  try {
    try {
      connectionId = (await identify()).connection_id;
    } catch (error) {
      if (!token() || !(await refresh())) {
        if (token()) forget();
        throw error;
      }
      connectionId = (await identify()).connection_id;
    }
  } catch { /* access.info says why */ }
  me = await call("access.info");
  tell(me.authorized ? "open" : "locked", me);
}

export function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}${prefix}/websocket`);
  socket.onopen = () => { tries = 0; introduce().catch(() => socket.close()); };
  socket.onmessage = (event) => {
    for (const message of [JSON.parse(event.data)].flat()) {
      if (message.id === undefined || message.id === null) { tell(message.method, ...(message.params || [])); continue; }
      const waiting = pending.get(message.id);
      pending.delete(message.id);
      if (waiting && message.error) {
        waiting.reject(new CallFailed(message.error));
        // Logged out somewhere else: ask anew who we are.
        if (message.error.message === "Unauthorized" && me.authorized) introduce().catch(() => {});
      }
      else if (waiting) waiting.resolve(message.result);
    }
  };
  socket.onclose = () => {
    for (const waiting of pending.values()) waiting.reject(new Error(T.frame.closed));
    pending.clear();
    me = { authorized: false, role: null };
    tell("closed");
    setTimeout(connect, WAIT_MS[Math.min(tries++, WAIT_MS.length - 1)]);
  };
}

// A link of a plain address would come without the token.
export async function download(address, name) {
  const once = await call("access.oneshot_token").catch(() => "");
  el("a", { href: `${address}${once ? `?token=${encodeURIComponent(once)}` : ""}`, download: name }).click();
}

// Who may look by a token only needs it in the address of a picture, once.
export async function pictureAddress(url) {
  const address = new URL(url, location.href);
  if (address.origin === location.origin && token()) address.searchParams.set("token", await call("access.oneshot_token"));
  return address.href;
}
