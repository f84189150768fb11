// The page: a picture or the camera goes to the network, and what comes of it is shown.

import { frame, get, infer, Refused, useToken } from "./client.js";
import { draw, fill, size } from "./picture.js";
import { watchPipeline } from "./pipeline.js";
import { show } from "./show.js";

const $ = (id) => document.getElementById(id);
const message = (text) => { $("message").textContent = text; };
let settings, tensor, input;
let picture = null; // the last one that was chosen
let camera = null; // the video of a running camera

async function start() {
  try {
    settings = await get("/demo.json");
    const model = await get(`/v2/models/${encodeURIComponent(settings.model)}`);
    [tensor] = model.inputs;
  } catch (error) {
    $("access").hidden = !(error instanceof Refused && error.status === 401);
    message(error.message);
    return;
  }
  $("access").hidden = true;
  $("name").textContent = document.title = settings.model;
  input = size(tensor.shape);
  $("about").textContent = `${tensor.datatype}, ${tensor.shape.slice(1).join(" × ")} a frame`;
  $("source").hidden = $("results").hidden = input === null;
  $("pipeline").hidden = false;
  watchPipeline($("pipeline"), settings.model);
  if (input === null) {
    message("This network takes no pictures; a client can ask it.");
    return;
  }
  message("Choose a picture, or start the camera.");
  [$("view").width, $("view").height] = [input.width, input.height];
}

// Sends what is on the canvas, and shows what comes back.
async function run(source) {
  draw($("view"), source, Boolean(settings.detection), $("invert").checked);
  const data = fill(frame(tensor), $("view"), input.channels, settings);
  const begin = performance.now();
  const outputs = await infer(settings.model, tensor, data);
  $("latency").textContent = (performance.now() - begin).toFixed(1);
  show($("results"), $("view"), outputs, input, settings);
}

async function runPicture() {
  if (picture === null || camera !== null) return;
  try {
    await run(picture);
    message("");
  } catch (error) {
    message(error.message);
  }
}

async function choose() {
  const [file] = $("file").files;
  if (!file) return;
  stopCamera();
  try {
    picture = await createImageBitmap(file);
  } catch {
    message(`${file.name} is no picture that this browser can read.`);
    return;
  }
  await runPicture();
}

function stopCamera() {
  camera?.srcObject.getTracks().forEach((track) => track.stop());
  camera = null;
  $("camera").setAttribute("aria-pressed", false);
  $("rate").textContent = "–";
}

async function toggleCamera() {
  if (camera !== null) {
    stopCamera();
    return;
  }
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
  try {
    if (!navigator.mediaDevices) throw new Error("browsers give it to https and to this machine only");
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
    await video.play();
  } catch (error) {
    message(`There is no camera: ${error.message}`);
    return;
  }
  camera = video;
  $("camera").setAttribute("aria-pressed", true);
  message("");
  await runCamera(video);
}

// One frame after the other; the rate is that of the last second.
async function runCamera(video) {
  let since = performance.now(), frames = 0;
  while (camera === video) {
    try {
      await run(video);
    } catch (error) {
      stopCamera();
      message(error.message);
      return;
    }
    frames += 1;
    const now = performance.now();
    if (now - since >= 1000) {
      $("rate").textContent = (1000 * frames / (now - since)).toFixed(1);
      [since, frames] = [now, 0];
    }
    await new Promise(requestAnimationFrame);
  }
}

$("access").addEventListener("submit", (event) => {
  event.preventDefault();
  useToken($("token").value);
  start();
});
$("file").addEventListener("change", choose);
$("camera").addEventListener("click", toggleCamera);
$("invert").addEventListener("change", runPicture);
start();
