// The camera: a stream as the browser shows it, or one picture after the other. Loads only in sight.
import { $, el, fill, say, show, T } from "./dom.js";
import { call, on, pictureAddress } from "./net.js";

const STREAMS = ["mjpegstreamer", "uv4l-mjpeg", "ipstream", "hlsstream"];
const PICTURE_MS = 2000;
let cameras = [], image = null, timer = null, hiddenByUser = localStorage.getItem("camera") === "off";

const chosen = () => cameras.find((one) => one.uid === $("camera-choice").value) || cameras[0];

function leave() {
  clearTimeout(timer);
  if (image) image.removeAttribute("src");
  image = null;
}

async function look() {
  leave();
  const camera = chosen();
  if (!camera) { fill($("camera"), el("p", { class: "muted" }, T.camera.none)); return; }
  if (hiddenByUser || document.hidden || $("status-tab").hidden) { fill($("camera")); return; }
  const streams = STREAMS.includes(camera.service) && camera.stream_url;
  const url = streams ? camera.stream_url : camera.snapshot_url || camera.stream_url;
  const mine = image = el("img", { alt: say(T.camera.alt, { name: camera.name }) });
  const turned = [camera.flip_horizontal && "scaleX(-1)", camera.flip_vertical && "scaleY(-1)", camera.rotation && `rotate(${camera.rotation}deg)`].filter(Boolean);
  mine.style.transform = turned.join(" ");
  const next = async () => {
    if (mine !== image) return;
    const address = new URL(await pictureAddress(url));
    if (!streams) address.searchParams.set("t", Date.now());
    mine.src = address.href;
  };
  mine.onload = () => { if (!streams) timer = setTimeout(next, PICTURE_MS); };
  mine.onerror = () => { if (mine === image) fill($("camera"), el("p", { class: "muted" }, say(T.camera.broken, { url }))); };
  fill($("camera"), mine);
  if (!streams) $("camera").append(el("p", { class: "muted" }, say(T.camera.other, { kind: camera.service })));
  next().catch(() => {});
}

async function load() {
  cameras = (await call("server.webcams.list")).webcams.filter((one) => one.enabled);
  fill($("camera-choice"), ...cameras.map((one) => el("option", { value: one.uid }, one.name)));
  show($("camera-choice"), cameras.length > 1);
  show($("camera-toggle"), cameras.length > 0);
  showToggle();
  look();
}

function showToggle() { $("camera-toggle").textContent = hiddenByUser ? T.camera.show : T.camera.hide; }

$("camera-choice").addEventListener("change", look);
$("camera-toggle").addEventListener("click", () => {
  hiddenByUser = !hiddenByUser;
  localStorage.setItem("camera", hiddenByUser ? "off" : "on");
  showToggle();
  look();
});
document.addEventListener("visibilitychange", look);
window.addEventListener("hashchange", () => setTimeout(look));
on("open", () => load().catch(() => {}));
on("closed", leave);
on("notify_webcams_changed", () => load().catch(() => {}));
