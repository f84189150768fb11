// Results, drawn by what they are: boxes, a larger picture, classes, or maps.

import { detect } from "./detection.js";
import { paint, size } from "./picture.js";

const MOST_CLASSES = 10, MOST_MAPS = 32;

// Shows the outputs in `place`; boxes go on `view`, the canvas with the network's input.
export function show(place, view, outputs, input, settings) {
  if (settings.detection) {
    showBoxes(place, view, detect(outputs, settings.detection, input), settings.labels);
    return;
  }
  const slider = place.querySelector("input");
  const at = slider ? slider.value : 50;
  const focused = slider !== null && slider === document.activeElement;
  place.replaceChildren(...outputs.map((output) => {
    const picture = size([1, ...output.shape]);
    if (picture && output.shape.length === 3 && picture.width > input.width) {
      return comparison(view, picture, output.data, at);
    }
    return output.shape.length === 3 ? maps(output) : classes(output, settings.labels);
  }));
  if (focused) place.querySelector("input").focus();
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function label(labels, number) {
  return labels?.[number] ?? `class ${number}`;
}

function showBoxes(place, view, boxes, labels) {
  const context = view.getContext("2d");
  context.lineWidth = Math.max(1, view.width / 150);
  context.strokeStyle = "lime";
  for (const { left, top, right, bottom } of boxes) context.strokeRect(left, top, right - left, bottom - top);
  const rows = boxes.map(({ score, label: number }) => bar(label(labels, number), score, 0, 1));
  const nothing = element("p", { textContent: "Nothing found" });
  place.replaceChildren(boxes.length ? element("ol", {}, ...rows) : nothing);
}

function bar(name, value, min, max) {
  const meter = element("meter", { min, max, value, ariaLabel: name });
  const number = element("span", { textContent: value.toFixed(3) });
  return element("li", {}, element("span", { textContent: name }), meter, number);
}

function classes({ data, datatype }, labels) {
  if (datatype === "INT64") {
    const [index] = data;
    return element("p", { textContent: label(labels, Number(index)) });
  }
  const ranked = [...data.keys()].sort((a, b) => data[b] - data[a]);
  const least = Math.min(0, data[ranked.at(-1)]), most = Math.max(data[ranked[0]], least + 1e-9);
  return element("ol", {},
    ...ranked.slice(0, MOST_CLASSES).map((number) => bar(label(labels, number), data[number], least, most)));
}

// The input below and the output above it, of which a slider shows more or less.
function comparison(view, picture, values, at) {
  const before = element("canvas", { width: view.width, height: view.height });
  before.getContext("2d").drawImage(view, 0, 0);
  const after = element("canvas");
  paint(after, picture, values);
  const range = { type: "range", min: 0, max: 100, value: at, ariaLabel: "Before and after" };
  const slider = element("input", range);
  const move = () => { after.style.clipPath = `inset(0 0 0 ${slider.value}%)`; };
  slider.addEventListener("input", move);
  move();
  const text = `${view.width} × ${view.height}, and ${picture.width} × ${picture.height}`;
  return element("figure", {}, element("div", { className: "compare" }, before, after), slider,
    element("figcaption", { textContent: text }));
}

function maps({ name, shape, data }) {
  const [channels, height, width] = shape, pixels = height * width;
  const least = data.reduce((a, b) => Math.min(a, b)), most = data.reduce((a, b) => Math.max(a, b));
  const shade = (value) => (value - least) / (most - least || 1);
  const canvases = Array.from({ length: Math.min(channels, MOST_MAPS) }, (_, channel) => {
    const canvas = element("canvas", { ariaLabel: `channel ${channel}`, role: "img" });
    const values = data.subarray(channel * pixels, (channel + 1) * pixels);
    paint(canvas, { channels: 1, height, width }, values.map(shade));
    return canvas;
  });
  const range = `black ${least.toFixed(3)}, white ${most.toFixed(3)}`;
  const text = `${name}: ${canvases.length} of ${channels} maps, ${range}`;
  return element("figure", {}, element("div", { className: "maps" }, ...canvases),
    element("figcaption", { textContent: text }));
}
