// What the page does beyond being read: figures, sorting, the images behind a confusion cell, copying, printing.

const TALL_ROWS = 50; // of a table, beyond which it scrolls in a box of its own
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

// Boxes that scroll sideways. Where a box does not scroll it is no stop for the keyboard, and where it does a line says so.
// A table that hides columns on a phone is stacked; a leaderboard already where the accuracies are not all in view.
const phone = matchMedia("(max-width: 40rem)");
const boxes = new ResizeObserver((changes) => new Set(changes.map(({ target }) => target.closest(".scroll"))).forEach(settle));

function settle(box) {
  const table = box.querySelector("table");
  const overflows = () => box.scrollWidth > box.clientWidth + 1;
  if (!box.clientWidth || box.dataset.width === `${box.clientWidth} ${box.dataset.kind ?? ""}`) return;
  if (table?.matches(".stacked")) table.classList.remove("stacked"); // what is not written need not be laid out again
  const hides = overflows() && !!table && !table.matches(".matrix, .every") && (phone.matches || hidesTest(box, table));
  if (hides) table.classList.add("stacked");
  const tall = !hides && (table?.tBodies[0]?.rows.length ?? 0) > TALL_ROWS;
  if (tall !== box.matches(".tall")) box.classList.toggle("tall", tall);
  const scrolls = overflows() || box.scrollHeight > box.clientHeight + 1;
  if (scrolls) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
  box.querySelector(":scope > .more")?.remove();
  if (overflows()) box.prepend(element("p", "Wider than the page: scroll sideways for more →", "more"));
  box.dataset.width = `${box.clientWidth} ${box.dataset.kind ?? ""}`;
}

function hidesTest(box, table) {
  const last = table.matches(".leaders") && table.querySelector("thead .role.test")?.closest("th");
  return !!last && last.getBoundingClientRect().right > box.getBoundingClientRect().right;
}

// Every cell gets the name of its column, which is shown where its row is stacked.
function label(table) {
  const names = [...(table.tHead?.rows[0]?.cells ?? [])].flatMap((head) => Array(head.colSpan).fill(head.dataset.label ?? head.textContent.trim()));
  for (const row of table.querySelectorAll("tbody tr, tfoot tr")) {
    let at = 0;
    for (const cell of row.cells) {
      if (cell.tagName === "TD" && cell.colSpan === 1) cell.dataset.label = names[at] ?? "";
      at += cell.colSpan;
    }
  }
}

function watch(root) {
  for (const box of [root, ...root.querySelectorAll(".scroll")]) {
    if (!box.matches(".scroll")) continue;
    box.querySelectorAll("table:not(.matrix)").forEach(label);
    boxes.observe(box);
  }
}

// Confusion matrices. The largest confusion is shown first. One button of each is in the tab order; arrows move on.
function matrix(table) {
  const buttons = [...table.querySelectorAll("button")];
  buttons.forEach((button) => (button.tabIndex = -1));
  const errors = buttons.filter((button) => button.closest(".miss"));
  const most = (best, button) => (!best || countOf(button) > countOf(best) ? button : best);
  const first = errors.reduce(most, null) ?? buttons[0];
  if (first) showCell(table, first);
  table.addEventListener("pointerover", ({ target }) => point(table, target.closest("td")));
  table.addEventListener("pointerleave", () => point(table, null));
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

// Counts or per cent of the true class, in all matrices of the page at once. The counts stay in data-count.
let shares = false;
const inWords = () => (shares ? "Numbers are per cent of the row." : "Numbers are images.");

function numberSwitch(table) {
  const button = element("button", "Per cent", "copy");
  Object.assign(button, { type: "button", ariaPressed: "false", title: "In all confusion matrices of this page" });
  button.addEventListener("click", switchNumbers);
  const line = element("p", "", "note numbered");
  line.append(element("span", inWords()), " ", button);
  table.closest(".confusion").before(line);
}

function switchNumbers() {
  shares = !shares;
  document.querySelectorAll(COUNTED).forEach(writeNumbers);
  document.querySelectorAll(".numbered span").forEach((said) => (said.textContent = inWords()));
  document.querySelectorAll(".numbered button").forEach((button) => (button.ariaPressed = String(shares)));
}

const COUNTED = "table[data-cells], table[data-blocks]";

function writeNumbers(table) {
  table.classList.toggle("per-cent", shares);
  [...table.tBodies[0].rows].forEach((row, place) => {
    const filled = [...row.cells].slice(1).filter((cell) => cell.className);
    const numbers = filled.map((cell) => cell.querySelector("button") ?? cell);
    for (const number of numbers) {
      number.dataset.words ??= number.textContent;
      number.dataset.count = countOf(number);
    }
    const total = totalOf(table, place) ?? numbers.reduce((sum, number) => sum + countOf(number), 0);
    for (const number of numbers) {
      number.textContent = shares ? oneDecimal(countOf(number) / total) : number.dataset.words;
    }
  });
  const box = table.closest(".scroll");
  delete box.dataset.width;
  settle(box);
}

// Images of the true class, or classes, of a row of a matrix that is not whole; undefined of one that is.
function totalOf(table, place) {
  if (!table.dataset.totals) return undefined;
  const totals = JSON.parse(table.dataset.totals);
  const [first, last] = table.dataset.ends ? JSON.parse(table.dataset.ends)[place] : Array(2).fill(Number(table.dataset.first) + place);
  return totals.slice(first, last + 1).reduce((sum, images) => sum + images, 0);
}

// As in sentences: "<0.1" and ">99.9" where rounding would say none or all.
function oneDecimal(share) {
  const text = (100 * share).toFixed(1);
  if (text === "100.0") return share === 1 ? "100" : ">99.9";
  return text === "0.0" ? "<0.1" : text;
}

const countOf = (cell) => Number(cell.querySelector("[data-count]")?.dataset.count ?? cell.dataset.count ?? cell.textContent);

// The heads of the row and of the column under the pointer.
function point(table, cell) {
  table.querySelectorAll(".on").forEach((one) => one.classList.remove("on"));
  if (!cell) return;
  [cell.parentNode.cells[0], table.tHead.rows[0].cells[cell.cellIndex]].forEach((head) => head.classList.add("on"));
}

function press(table, button) {
  table.querySelectorAll("[aria-pressed]").forEach((other) => other.removeAttribute("aria-pressed"));
  button.ariaPressed = "true";
  table.querySelectorAll("button[tabindex='0']").forEach((other) => (other.tabIndex = -1));
  button.tabIndex = 0;
}

// Of a whole matrix a row is a class; a part of one says which classes its rows and columns are.
function showCell(table, button) {
  const cell = button.closest("td");
  press(table, button);
  if (table.dataset.blocks) return showBlocks(table, cell.parentNode.rowIndex - 1, cell.cellIndex - 1);
  const [label, predicted] = [cell.parentNode.rowIndex - 1 + Number(table.dataset.first ?? 0), cell.cellIndex - 1 + Number(table.dataset.left ?? 0)];
  const tiles = cells.matrices[table.dataset.cells][`${label},${predicted}`] ?? [];
  const place = table.closest(".confusion").querySelector(".behind");
  place.replaceChildren(heading(label, predicted, countOf(button), tiles.length), gallery(tiles, label));
  place.hidden = false;
}

// The classes of two blocks as a matrix of its own: what is left of the whole one.
function showBlocks(table, down, across) {
  const ends = JSON.parse(table.dataset.ends);
  const [[top, bottom], [left, right]] = [ends[down], ends[across]];
  const found = new Map();
  const flat = cells.entries[table.dataset.blocks];
  for (let at = 0; at < flat.length; at += 3) found.set(`${flat[at]},${flat[at + 1]}`, flat[at + 2]);
  const rows = [];
  for (let label = top; label <= bottom; label++) rows.push(partOf(table, label, left, right, found));
  const labels = Array.from({ length: right - left + 1 }, (_, at) => left + at).map((at) => {
    const head = element("th");
    Object.assign(head, { scope: "col", title: cells.classes[at] });
    head.append(element("span", cells.short[at]));
    return head;
  });
  const part = element("table", "", "matrix long");
  Object.assign(part.dataset, { cells: table.dataset.blocks, first: top, left, totals: table.dataset.totals });
  part.style = `--classes:${right - left + 1};--head:${0.5 * Math.max(...cells.short.map((name) => name.length)) + 0.7}rem`;
  const box = element("div", "", "scroll");
  Object.assign(box, { tabIndex: 0, role: "group", ariaLabel: "confusions of the classes of two blocks" });
  part.createTHead().insertRow().append(element("th", "", "corner"), ...labels);
  part.createTBody().append(...rows);
  box.append(part);
  const place = table.closest(".confusion");
  place.querySelector(".behind").hidden = true;
  place.querySelector(".inside").replaceChildren(box);
  matrix(part);
  if (shares) writeNumbers(part);
}

function partOf(table, label, left, right, found) {
  const row = element("tr");
  const head = Object.assign(element("th", cells.short[label]), { scope: "row", title: cells.classes[label] });
  row.append(head);
  let most = 1;
  for (let at = 0; at < cells.classes.length; at++) most = Math.max(most, found.get(`${label},${at}`) ?? 0);
  for (let at = left; at <= right; at++) {
    const images = found.get(`${label},${at}`);
    const cell = element("td");
    if (images) {
      const share = (images / most) ** (label === at ? 1 : 0.4);
      cell.className = `${label === at ? "hit" : "miss"}${share > 0.7 ? " deep" : ""}`;
      cell.style = `--s:${share.toFixed(2)}`;
      const behind = cells.matrices[table.dataset.blocks][`${label},${at}`]?.length;
      cell.append(behind ? element("button", images) : String(images));
    }
    row.append(cell);
  }
  return row;
}

function heading(label, predicted, count, shown) {
  const [truth, answer] = [cells.classes[label], cells.classes[predicted]];
  const images = count === 1 ? "1 image" : `${count.toLocaleString("en")} images`;
  const all = shown < count ? `, ${shown} shown` : "";
  const text = label === predicted ? `${images} of ${truth}, recognised` : `${images} of ${truth} predicted as ${answer}`;
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

// Thresholds to try: what precision, recall and coverage each gives on the images of the page.
const percent = (share) => `${(100 * share).toFixed(1)} %`;

// Wilson's 95 % interval.
function interval(hits, count) {
  const square = 1.959964 ** 2;
  const [centre, reach] = [hits + square / 2, Math.sqrt(square * ((hits * (count - hits)) / count + square / 4))];
  return [(centre - reach) / (count + square), (centre + reach) / (count + square)];
}

function shareOf(hits, count) {
  if (!count) return "undefined";
  const [low, high] = interval(hits, count);
  return `${percent(hits / count)} (${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)})`;
}

function explorer(box) {
  const counts = cells.thresholds[box.dataset.explorer];
  const [choice, slider] = [box.querySelector("select"), box.querySelector("input")];
  const show = () => {
    const of = choice.value === "" ? null : Number(choice.value);
    const [accepted, hits] = (of === null ? counts.answers : counts.classes[of]).map((values) => values[slider.value]);
    const threshold = String(Number(counts.thresholds[slider.value].toPrecision(4)));
    box.querySelector("output").textContent = slider.ariaValueText = threshold;
    const measures = of === null
      ? [`right of the answers ${shareOf(hits, accepted)}`]
      : [`precision ${shareOf(hits, accepted)}`, `recall ${shareOf(hits, counts.support[of])}`];
    box.querySelector(".numbers").textContent = [...measures, `coverage ${shareOf(accepted, counts.images)}`].join(" · ");
  };
  [choice, slider].forEach((control) => control.addEventListener("input", show));
  slider.value = Math.floor(counts.thresholds.findIndex((each) => each >= 0.9));
  show();
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
  document.querySelectorAll(".stacked").forEach((table) => table.classList.remove("stacked"));
  opened = [...document.querySelectorAll("details:not([open])")];
  opened.forEach((one) => (one.open = true));
});
addEventListener("afterprint", () => {
  opened.forEach((one) => (one.open = false));
  document.querySelectorAll(".scroll").forEach((box) => {
    delete box.dataset.width;
    settle(box);
  });
});

// A link to a folded model unfolds it.
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) target.open = true;
}

document.querySelectorAll("table.sortable").forEach(sortable);
document.querySelectorAll(COUNTED).forEach(numberSwitch);
document.querySelectorAll("table.matrix").forEach(matrix);
document.querySelectorAll("[data-explorer]").forEach(explorer);
watch(document.body);
new MutationObserver((changes) => {
  for (const { addedNodes } of changes) for (const node of addedNodes) if (node instanceof HTMLElement) watch(node);
}).observe(document.body, { childList: true, subtree: true });
// Images drawn at random: a table has several draws, of which one is shown.
function showNextDraw({ currentTarget }) {
  const draws = [...document.getElementById(currentTarget.dataset.draws).tBodies];
  const shown = draws.findIndex((draw) => !draw.hidden);
  draws.forEach((draw, place) => { draw.hidden = place !== (shown + 1) % draws.length; });
}

document.querySelectorAll("[data-draws]").forEach((button) => button.addEventListener("click", showNextDraw));
document.querySelectorAll("[data-copy]").forEach((button) => button.addEventListener("click", copy));
addEventListener("hashchange", unfold);
unfold();
await drawFigures();
