// Boxes of YOLO heads, as the package's demo.json describes them.

const ACTIVATIONS = { hardtanh: (value) => (value + 1) / 2, sigmoid: (value) => 1 / (1 + Math.exp(-value)) };
const LEAST_SCORE = 0.3, MOST_OVERLAP = 0.45;

// Boxes {left, top, right, bottom, score, label} in pixels of the input, the best of those that overlap.
// `anchors` has for each output the [width, height] of its anchors in pixels.
export function detect(outputs, { anchors, activation }, input) {
  const all = outputs.flatMap(
    (output, number) => decode(output, anchors[number], ACTIVATIONS[activation], input));
  const kept = [];
  for (const box of all.sort((a, b) => b.score - a.score)) {
    if (kept.every((better) => overlap(better, box) <= MOST_OVERLAP)) kept.push(box);
  }
  return kept;
}

// With p = activation(output), a box has its middle at 2 p - 0.5 + cell, and 4 p² times its anchor's size.
function decode({ shape, data }, anchors, activation, input) {
  const [channels, rows, columns] = shape;
  const values = channels / anchors.length, cells = rows * columns, found = [];
  anchors.forEach(([wide, high], anchor) => {
    for (let cell = 0; cell < cells; cell++) {
      const p = Array.from({ length: values },
        (_, value) => activation(data[(anchor * values + value) * cells + cell]));
      const [x, y, w, h, confidence, ...classes] = p;
      const best = Math.max(...classes), score = confidence * best;
      if (score <= LEAST_SCORE) continue;
      const middle = (2 * x - 0.5 + cell % columns) * input.width / columns;
      const height = (2 * y - 0.5 + Math.floor(cell / columns)) * input.height / rows;
      found.push({
        left: middle - 2 * w * w * wide, right: middle + 2 * w * w * wide,
        top: height - 2 * h * h * high, bottom: height + 2 * h * h * high,
        score, label: classes.indexOf(best),
      });
    }
  });
  return found;
}

function overlap(a, b) {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  const area = (box) => (box.right - box.left) * (box.bottom - box.top);
  return width * height / (area(a) + area(b) - width * height);
}
