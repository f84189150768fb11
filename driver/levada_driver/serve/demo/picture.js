// Pictures as the network takes them: resized on a canvas, then planes of numbers.

const GREY = "rgb(114 114 114)";

// The {channels, height, width} of frames of shape [(channels,) height, width], behind their number; or null.
export function size(shape) {
  const [channels, height, width] = shape.length === 3 ? [1, ...shape.slice(1)] : shape.slice(1);
  return [3, 4].includes(shape.length) && [1, 3].includes(channels) ? { channels, height, width } : null;
}

// Draws a picture or a video's frame: whole, with grey beside it, or filling the canvas.
export function draw(canvas, picture, whole, invert) {
  const width = picture.videoWidth ?? picture.width, height = picture.videoHeight ?? picture.height;
  const across = canvas.width / width, down = canvas.height / height;
  const scale = whole ? Math.min(across, down) : Math.max(across, down);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.filter = "none";
  context.fillStyle = GREY;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.filter = invert ? "invert(1)" : "none";
  context.drawImage(picture, (canvas.width - width * scale) / 2, (canvas.height - height * scale) / 2,
    width * scale, height * scale);
  context.filter = "none";
}

// Fills an array, channels first, with brightness from 0 to 1 times `full`, whole and in range for integers.
export function fill(array, canvas, channels, { full, least, most }) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const pixels = data.length / 4;
  for (let channel = 0; channel < channels; channel++) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      const at = 4 * pixel;
      const byte = channels === 3 ? data[at + channel]
        : 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
      const value = byte / 255 * full;
      array[channel * pixels + pixel] = least === null ? value
        : Math.min(most, Math.max(least, Math.round(value)));
    }
  }
  return array;
}

// A canvas of an image tensor [channels, height, width] whose values are brightness from 0 to 1.
export function paint(canvas, { channels, height, width }, values) {
  [canvas.width, canvas.height] = [width, height];
  const image = new ImageData(width, height), pixels = width * height;
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let colour = 0; colour < 3; colour++) {
      image.data[4 * pixel + colour] = 255 * values[(channels === 3 ? colour : 0) * pixels + pixel];
    }
    image.data[4 * pixel + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}
