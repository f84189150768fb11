// What each stream of the accelerator's pipeline does, again and again while the button is pressed.

import { get } from "./client.js";

const PAUSE = 1000; // milliseconds between two runs

export function watchPipeline(section, model) {
  const button = section.querySelector("button");
  button.addEventListener("click", async () => {
    const pressed = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", pressed);
    while (button.getAttribute("aria-pressed") === "true") {
      await update(section, model);
      await new Promise((done) => setTimeout(done, PAUSE));
    }
  });
}

async function update(section, model) {
  const text = section.querySelector("p"), table = section.querySelector("table");
  try {
    const found = await get(`/v2/models/${encodeURIComponent(model)}/pipeline`);
    const { frames, streams, clock_mhz: clock } = found;
    const rows = streams.map(row).filter((made) => made !== null);
    table.hidden = rows.length === 0;
    table.tBodies[0].replaceChildren(...rows);
    text.textContent = rows.length ? `${frames} frames at ${clock} MHz`
      : "This back end counts no cycles; pynq and rtlsim do.";
  } catch (error) {
    text.textContent = error.message;
  }
}

function row({ name, moving, starved, stalled }) {
  const cycles = moving + starved + stalled;
  if (!cycles) return null;
  const made = document.createElement("tr"), head = document.createElement("th");
  head.scope = "row";
  head.textContent = name;
  made.append(head);
  for (const count of [moving, starved, stalled]) {
    made.insertCell().textContent = `${(100 * count / cycles).toFixed(1)} %`;
  }
  return made;
}
