"use strict";
// The page works without this: links choose designs. Here is what makes it quicker.
{
  const links = [...document.querySelectorAll('a[href^="#design-"]')];
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;

  const chosen = () => document.querySelector(".design:target") ?? document.querySelector(".design");

  function mark() {
    const design = chosen();
    const losses = new Set(design.dataset.losses.split(" "));
    for (const link of links) {
      const own = link.getAttribute("href") === `#${design.id}`;
      link.setAttribute("aria-current", own);
      link.classList.toggle("chosen", own);
      link.closest("tr")?.classList.toggle("chosen", own);
    }
    for (const cell of document.querySelectorAll("[data-loss]")) {
      cell.classList.toggle("chosen", losses.has(cell.dataset.loss));
    }
  }

  // Choosing in the picture leaves the picture where it is.
  function choose(event) {
    event.preventDefault();
    const { scrollX, scrollY } = window;
    window.location.replace(event.currentTarget.getAttribute("href"));
    window.scrollTo(scrollX, scrollY);
    mark();
  }

  function show(event) {
    const link = event.currentTarget;
    const figure = link.closest("figure").getBoundingClientRect();
    const point = link.querySelector(".dot").getBoundingClientRect();
    tip.textContent = link.dataset.said;
    tip.hidden = false;
    const left = point.left + point.width / 2 - figure.left - tip.offsetWidth / 2;
    const above = point.top - figure.top - tip.offsetHeight - 10;
    tip.style.left = `${Math.max(0, Math.min(left, figure.width - tip.offsetWidth))}px`;
    tip.style.top = `${above < 0 ? point.bottom - figure.top + 10 : above}px`;
  }

  function hide() {
    tip.hidden = true;
  }

  for (const link of document.querySelectorAll(".scatter a")) {
    const title = link.querySelector("title");
    link.dataset.said = title.textContent;
    link.setAttribute("aria-label", title.textContent);
    title.remove();
    link.addEventListener("click", choose);
    for (const event of ["pointerenter", "focus"]) link.addEventListener(event, show);
    for (const event of ["pointerleave", "blur"]) link.addEventListener(event, hide);
  }
  document.querySelector(".plot").append(tip);
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  window.addEventListener("hashchange", mark);
  mark();

  async function copy(event) {
    const button = event.currentTarget;
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      window.getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    window.setTimeout(() => { button.textContent = "Copy"; }, 2000);
  }

  for (const button of document.querySelectorAll(".command button")) {
    button.hidden = false;
    button.addEventListener("click", copy);
  }

  function compared(one, other) {
    return one !== "" && other !== "" && !isNaN(one) && !isNaN(other) ? one - other : one.localeCompare(other);
  }

  function sort(event) {
    const header = event.currentTarget.parentElement;
    const table = header.closest("table");
    const sign = header.ariaSort === "ascending" ? -1 : 1;
    const value = (row) => row.cells[header.cellIndex].dataset.value ?? row.cells[header.cellIndex].textContent;
    const rows = [...table.tBodies[0].rows].sort((one, other) => sign * compared(value(one), value(other)));
    for (const other of header.parentElement.cells) other.removeAttribute("aria-sort");
    header.ariaSort = sign > 0 ? "ascending" : "descending";
    table.tBodies[0].append(...rows);
  }

  for (const header of document.querySelectorAll(".sortable thead th")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    button.addEventListener("click", sort);
    header.append(button);
  }
}
