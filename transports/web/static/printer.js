// What Klipper tells: one subscription, merged here, and heard by whoever shows a part of it.
import { call, on } from "./net.js";

const ALWAYS = ["webhooks", "print_stats", "virtual_sdcard", "display_status", "pause_resume", "toolhead"];
const heard = [];
export const status = {};
export let sensors = [];

export const onStatus = (listener) => heard.push(listener);
const tell = (changed) => heard.forEach((listener) => listener(changed));

function merge(update) {
  for (const [name, fields] of Object.entries(update)) status[name] = { ...status[name], ...fields };
}

async function subscribe() {
  const info = await call("server.info");
  if (!["ready", "shutdown", "error", "startup"].includes(info.klippy_state) || !info.klippy_connected) {
    status.webhooks = { state: info.klippy_state, state_message: "" };
    tell(status);
    return;
  }
  try {
    const there = (await call("printer.objects.list")).objects;
    const found = there.includes("heaters") ? (await call("printer.objects.query", { objects: { heaters: null } })).status.heaters || {} : {};
    const rank = (name) => (name.startsWith("extruder") ? 0 : name === "heater_bed" ? 1 : (found.available_heaters || []).includes(name) ? 2 : 3);
    sensors = [...new Set([...(found.available_heaters || []), ...(found.available_sensors || [])])].filter((name) => there.includes(name)).sort((a, b) => rank(a) - rank(b));
    const wanted = Object.fromEntries([...ALWAYS, ...sensors].filter((name) => there.includes(name)).map((name) => [name, null]));
    for (const name of Object.keys(status)) delete status[name];
    merge((await call("printer.objects.subscribe", { objects: wanted })).status);
  } catch (error) {
    status.webhooks = { state: info.klippy_state, state_message: error.message };
  }
  tell(status);
}

on("open", subscribe);
on("notify_klippy_ready", subscribe);
on("notify_klippy_shutdown", subscribe);
on("notify_klippy_disconnected", () => {
  status.webhooks = { state: "disconnected", state_message: "" };
  tell(status);
});
on("notify_status_update", (update) => { merge(update); tell(update); });

export const klippyState = () => (status.webhooks || {}).state || "unknown";
export const jobState = () => (status.print_stats || {}).state || "standby";
export const shownState = () => {
  if (klippyState() !== "ready") return klippyState();
  return ["printing", "paused", "error"].includes(jobState()) ? jobState() : "ready";
};
export const sensorLabel = (name) => name.replace(/^(temperature_sensor|temperature_fan|heater_generic|temperature_host) /, "").replaceAll("_", " ");
