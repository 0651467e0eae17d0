// Temperatures of the last 20 minutes as lines of an SVG, drawn anew once a second while shown.
const NS = "http://www.w3.org/2000/svg";
const POINTS = 240;
export const SAMPLES = 1200;

function svg(tag, props, text) {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(props)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

function line(values, x, y) {
  const step = Math.max(1, Math.floor(values.length / POINTS));
  let path = "", broken = true;
  for (let i = (values.length - 1) % step; i < values.length; i += step) {
    const value = values[i];
    if (value === null || value === undefined) { broken = true; continue; }
    path += `${broken ? "M" : "L"}${x(i, values.length).toFixed(1)} ${y(value).toFixed(1)}`;
    broken = false;
  }
  return path;
}

// `series`: name -> {colour, temperatures, targets}, oldest first, one a second.
export function draw(box, series) {
  const width = box.clientWidth, height = box.clientHeight;
  if (!width) return;
  const left = 36, bottom = height - 18, top = 8;
  const all = [...series.values()].flatMap((one) => [...one.temperatures, ...one.targets]).filter((value) => value !== null && value !== undefined);
  const most = Math.max(50, ...all);
  const step = most > 200 ? 100 : most > 100 ? 50 : 25;
  const high = Math.ceil((most + 5) / step) * step;
  const x = (index, count) => width - 1 - (count - 1 - index) * ((width - left - 1) / (SAMPLES - 1));
  const y = (value) => bottom - (Math.max(value, 0) / high) * (bottom - top);
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  for (let value = 0; value <= high; value += step) {
    drawing.append(svg("line", { class: "grid", x1: left, x2: width, y1: y(value), y2: y(value) }));
    drawing.append(svg("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, `${value}°`));
  }
  for (const minutes of [15, 10, 5]) {
    drawing.append(svg("text", { x: x(SAMPLES - 1 - minutes * 60, SAMPLES), y: height - 3, "text-anchor": "middle" }, `−${minutes} min`));
  }
  for (const one of series.values()) {
    if (one.targets.some((value) => value > 0)) drawing.append(svg("path", { class: `target k${one.colour}`, d: line(one.targets.map((value) => value || null), x, y) }));
    drawing.append(svg("path", { class: `k${one.colour}`, d: line(one.temperatures, x, y) }));
  }
  box.replaceChildren(drawing);
}
