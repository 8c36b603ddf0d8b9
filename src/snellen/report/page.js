// What the page does beyond being read: figures, sorting, the images behind a confusion cell, copying, printing.

const { figures, cells } = JSON.parse(document.getElementById("embedded").textContent);

// Figures: those in view first, so that a page of many models opens at once; then, while nothing else is to do, the
// folded ones, which paper needs. `ast` makes Vega interpret its expressions: the content security policy allows no eval.
async function draw(places) {
  const options = { ast: true, actions: false, renderer: "svg", tooltip: { disableDefaultStyle: true } };
  for (const place of places) {
    if (place.dataset.begun) continue;
    place.dataset.begun = "yes";
    await window.vegaEmbed(place, figures[place.dataset.figure], options);
    if (place.checkVisibility()) continue;
    await new Promise((next) => (window.requestIdleCallback ?? setTimeout)(next));
  }
}

async function drawFigures() {
  const places = [...document.querySelectorAll("[data-figure]")];
  await draw(places.filter((place) => place.checkVisibility()));
  document.documentElement.dataset.drawn = "yes";
  document.querySelectorAll("details").forEach((one) =>
    one.addEventListener("toggle", () => draw(one.querySelectorAll("[data-figure]"))));
  await draw(places);
  document.documentElement.dataset.drawn = "all";
}

// Sorting: the head of a column is a button; numbers start with the largest.
function sortable(table) {
  table.querySelectorAll("thead th").forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(table, head, column));
    head.append(button);
  });
}

function sort(table, head, column) {
  const body = table.tBodies[0];
  const numeric = (row) => parseFloat(valueOf(row, column).replaceAll(",", ""));
  const textual = [...body.rows].some((row) => Number.isNaN(numeric(row)) && valueOf(row, column) !== "None");
  const order = head.ariaSort === (textual ? "ascending" : "descending") ? -1 : 1;
  const compare = textual
    ? (a, b) => order * valueOf(a, column).localeCompare(valueOf(b, column), undefined, { numeric: true })
    : (a, b) => order * ((numeric(b) || -1) - (numeric(a) || -1));
  body.append(...[...body.rows].sort(compare));
  table.querySelectorAll("[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
  head.ariaSort = (order === 1) === textual ? "ascending" : "descending";
}

// The cell under a column, where a failed job's reason may span several.
function valueOf(row, column) {
  let at = 0;
  const cell = [...row.cells].find((one) => (at += one.colSpan) > column);
  return cell.dataset.value ?? cell.textContent.trim();
}

// Confusion matrices. The largest confusion is shown first. One button of each is in the tab order; arrows move on.
function matrix(table) {
  const buttons = [...table.querySelectorAll("button")];
  buttons.forEach((button) => (button.tabIndex = -1));
  const errors = buttons.filter((button) => button.closest(".miss"));
  const most = (best, button) => (Number(button.textContent) > Number(best?.textContent ?? 0) ? button : best);
  const first = errors.reduce(most, null) ?? buttons[0];
  if (first) showCell(table, first);
  table.addEventListener("click", ({ target }) => target.closest("button") && showCell(table, target.closest("button")));
  table.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const next = step && neighbour(table, event.target.closest("td"), step);
    if (!next) return;
    event.preventDefault();
    next.focus();
    showCell(table, next);
  });
}

function neighbour(table, cell, [down, right]) {
  let row = cell.parentNode.rowIndex + down;
  let column = cell.cellIndex + right;
  for (; table.rows[row]?.cells[column]; row += down, column += right) {
    const button = table.rows[row].cells[column].querySelector("td button");
    if (button) return button;
  }
  return null;
}

function showCell(table, button) {
  const cell = button.closest("td");
  const [label, predicted] = [cell.parentNode.rowIndex - 1, cell.cellIndex - 1];
  const tiles = cells.matrices[table.dataset.cells][`${label},${predicted}`] ?? [];
  const place = table.closest(".panel").querySelector(".behind");
  table.querySelectorAll("[aria-pressed]").forEach((other) => other.removeAttribute("aria-pressed"));
  button.ariaPressed = "true";
  table.querySelectorAll("button[tabindex='0']").forEach((other) => (other.tabIndex = -1));
  button.tabIndex = 0;
  place.replaceChildren(heading(label, predicted, Number(button.textContent), tiles.length), gallery(tiles, label));
  place.hidden = false;
}

function heading(label, predicted, count, shown) {
  const [truth, answer] = [cells.classes[label], cells.classes[predicted]];
  const images = count === 1 ? "1 image" : `${count.toLocaleString("en")} images`;
  const all = shown < count ? `, ${shown} shown` : "";
  const text = label === predicted ? `${images} of ${truth}, recognised` : `${images} of ${truth} taken for ${answer}`;
  return element("h6", text + all);
}

function gallery(tiles, label) {
  const list = element("ol", "", "pictures small");
  for (const tile of tiles) {
    const picture = element("span", "", "picture");
    picture.style.setProperty("--x", tile % cells.columns);
    picture.style.setProperty("--y", Math.floor(tile / cells.columns));
    picture.role = "img";
    picture.ariaLabel = cells.classes[label];
    const item = element("li", "");
    item.append(picture, element("span", `row ${cells.rows[tile]}`, "identity"));
    list.append(item);
  }
  return list;
}

function element(name, text, className = "") {
  return Object.assign(document.createElement(name), { textContent: text, className });
}

// Copying. Without a clipboard (some browsers on file://) the text is selected, ready for the keyboard.
async function copy({ currentTarget: button }) {
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(source);
    button.textContent = "Selected: press Ctrl+C";
  }
  setTimeout(() => (button.textContent = "Copy"), 3000);
}

// Paper has nothing to click: all details are open on it, and only on it.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  opened.forEach((one) => (one.open = true));
});
addEventListener("afterprint", () => opened.forEach((one) => (one.open = false)));

// A link to a folded model unfolds it.
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) target.open = true;
}

document.querySelectorAll("table.sortable").forEach(sortable);
document.querySelectorAll("table.matrix").forEach(matrix);
document.querySelectorAll("[data-copy]").forEach((button) => button.addEventListener("click", copy));
addEventListener("hashchange", unfold);
unfold();
await drawFigures();
