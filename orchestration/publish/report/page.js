// Tooltips of the charts, the controls of the leaderboard, and copying a citation. Without it the page reads the same.
"use strict";

// Tooltips: the text of the mark that is nearest to the pointer. The names of a row's parts are in the mark's label.
const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
tip.setAttribute("role", "presentation");
document.body.append(tip);
const NEAR_PIXELS = 24;

function marksOf(chart) {
  chart.marks ??= [...chart.querySelectorAll("[aria-roledescription][aria-label]")].filter(
    (mark) => mark.closest(".mark-symbol, .mark-rect, .mark-rule"),
  );
  return chart.marks;
}

function distance(box, x, y) {
  return Math.hypot(Math.max(box.left - x, 0, x - box.right), Math.max(box.top - y, 0, y - box.bottom));
}

function showTip(event) {
  const chart = event.target.closest?.(".chart > div");
  let found = null;
  let least = NEAR_PIXELS;
  for (const mark of chart ? marksOf(chart) : []) {
    const box = mark.getBoundingClientRect();
    const away = distance(box, event.clientX, event.clientY);
    // Of marks that overlap, the last one lies on top.
    if (away < least || (found && away === least)) [found, least] = [mark, away];
  }
  tip.hidden = !found;
  if (!found) return;
  tip.replaceChildren(
    ...found
      .getAttribute("aria-label")
      .split("; ")
      .map((part, number) => {
        const line = document.createElement(number ? "div" : "b");
        line.textContent = part;
        return line;
      }),
  );
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 12, innerWidth - width - 4))}px`;
  tip.style.top = `${event.clientY + 18 + height > innerHeight ? event.clientY - height - 12 : event.clientY + 18}px`;
}

document.addEventListener("pointermove", showTip);
document.addEventListener("pointerdown", showTip);
document.addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
document.addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });

// The leaderboard: sort by any column, search, filter; the first rows until the reader asks for all.
const FIRST_ROWS = 20;
const table = document.querySelector("table.leaders");

function startLeaderboard() {
  const figure = table.closest("figure");
  const controls = figure.querySelector(".controls");
  const more = figure.querySelector(".more");
  const rows = [...table.tBodies[0].rows];
  const field = (name) => controls.querySelector(`[name=${name}]`);
  let showsAll = false;

  function update() {
    const words = field("search").value.trim().toLowerCase().split(/\s+/);
    const [weights, price] = [field("weights").value, field("price").value];
    const matching = [...table.tBodies[0].rows].filter(
      ({ dataset }) =>
        words.every((word) => `${dataset.name} ${dataset.slug}`.includes(word)) &&
        (!weights || dataset.weights === weights) &&
        (price === "" || (dataset.input !== "" && Number(dataset.input) <= Number(price))),
    );
    const isFiltered = matching.length < rows.length;
    for (const row of rows) row.hidden = true;
    for (const row of isFiltered || showsAll ? matching : matching.slice(0, FIRST_ROWS)) row.hidden = false;
    more.hidden = isFiltered || rows.length <= FIRST_ROWS;
    more.firstElementChild.textContent = more.firstElementChild.dataset[showsAll ? "first" : "all"];
    figure.querySelector(".none").hidden = matching.length > 0;
    controls.querySelector(".count").textContent = isFiltered ? `${matching.length} of ${rows.length} models` : "";
  }

  // Missing values come last in both directions.
  function sort(name, isDescending) {
    const value = ({ dataset }) => (name === "name" ? dataset.name : dataset[name] === "" ? null : Number(dataset[name]));
    const compare = (one, two) => {
      const [a, b] = [value(one), value(two)];
      if (a === null || b === null) return (a === null) - (b === null);
      return (a < b ? -1 : a > b ? 1 : 0) * (isDescending ? -1 : 1) || one.dataset.rank - two.dataset.rank;
    };
    table.tBodies[0].append(...[...rows].sort(compare));
    update();
  }

  for (const head of table.querySelectorAll("th[data-sort]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      // Shares and context windows are looked at from the largest, names, ranks and prices from the smallest.
      const first = ["share", "context"].includes(head.dataset.sort) ? "descending" : "ascending";
      const second = first === "ascending" ? "descending" : "ascending";
      const order = head.getAttribute("aria-sort") === first ? second : first;
      for (const other of table.querySelectorAll("th[data-sort]")) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", order);
      sort(head.dataset.sort, order === "descending");
    });
  }
  controls.addEventListener("input", update);
  more.querySelector("button").addEventListener("click", () => { showsAll = !showsAll; update(); });
  controls.hidden = false;
  update();
}

if (table) startLeaderboard();

// Copy a citation. Without the clipboard, the text is shown for the reader to select.
for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(button.dataset.text);
      const { innerHTML } = button;
      button.textContent = "Copied";
      setTimeout(() => { button.innerHTML = innerHTML; }, 2_000);
    } catch {
      prompt("Copy the citation:", button.dataset.text);
    }
  });
}
