// The page of units: the dialog that a table row opens, the filters of the table, the scatter plot of two units.

const details = JSON.parse(document.getElementById("details").textContent);
const dialog = document.getElementById("dossier");
const table = document.querySelector("table.units");
const dossiers = new Map(details.units.map((unit) => [unit.unit, unit]));
// The indices of the classes that are shown for a unit: all, or some if there are hundreds.
const classesOf = (unit) => unit.of ?? details.classes.map((_, code) => code);
const SVG = "http://www.w3.org/2000/svg";

function element(name, { text, ...attributes } = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...(text === undefined ? [] : [text]), ...children);
  return made;
}

function drawn(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Names in backquotes become bold.
function prose(text) {
  const parts = text.replaceAll(" %", "\u00a0%").split("`");
  return element("p", { class: "sentence" }, ...parts.map((part, at) => (at % 2 ? element("b", { text: part }) : part)));
}

const digits = (value) => (value === null ? "–" : Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));
const points = (value) => (Math.round(1000 * value) > 0 ? "+" : "") +
  (100 * value).toFixed(1).replace(/^-0\.0$/, "0.0").replace("-", "\u2212");

// A tile of a sprite sheet: of images, weights or maximising images; drawn as the template draws it.
function picture(sheet, tile, label) {
  const columns = Number(getComputedStyle(probe(sheet)).getPropertyValue("--columns"));
  const style = `--x:${tile % columns};--y:${Math.floor(tile / columns)}`;
  return element("span", { class: `picture ${sheet}`, role: "img", "aria-label": label, style });
}

const probes = {};
function probe(sheet) {
  if (!probes[sheet]) document.body.append((probes[sheet] = element("span", { class: `picture ${sheet}`, hidden: "" })));
  return probes[sheet];
}

// Box plots: one row per class, with the same axis for true and predicted classes.
function boxes(unit, by) {
  const rows = unit.boxes[by];
  const all = [...unit.boxes.true, ...unit.boxes.predicted].filter((row) => row[0] !== null);
  const [low, high] = [Math.min(...all.map((row) => row[0])), Math.max(...all.map((row) => row[6]))];
  const left = Math.min(130, 14 + 6.4 * Math.max(...details.short.map((name) => name.length)));
  const across = (value) => left + ((value - low) / (high - low || 1)) * (420 - left - 12);
  const height = 18 * rows.length + 26;
  const label = `${details.noun} ${unit.unit}: activation by ${by} class`;
  const plot = drawn("svg", { class: "boxes", viewBox: `0 0 420 ${height}`, role: "img", "aria-label": label });
  rows.forEach((row, at) => plot.append(...box(row, at, across, left, unit.selective[at], classesOf(unit)[at])));
  const bottom = 18 * rows.length + 4;
  plot.append(drawn("path", { class: "axis", d: `M${across(low)} ${bottom}H${across(high)}` }));
  for (const [value, anchor] of [[low, "start"], [(low + high) / 2, "middle"], [high, "end"]])
    plot.append(drawn("text", { x: across(value), y: bottom + 15, "text-anchor": anchor }, digits(value)));
  return plot;
}

function box([minimum, lowWhisker, low, median, high, highWhisker, maximum], at, across, left, told, code) {
  const middle = 18 * at + 10;
  const name = drawn("text", { x: left - 8, y: middle + 4, "text-anchor": "end" }, details.short[code]);
  if (details.short[code] !== details.classes[code]) name.append(drawn("title", {}, details.classes[code]));
  if (minimum === null) return [name];
  const group = drawn("g", told ? { class: "told" } : {});
  const whiskers = `M${across(lowWhisker)} ${middle}H${across(low)}M${across(high)} ${middle}H${across(highWhisker)}`;
  group.append(
    drawn("path", { class: "whisker", d: whiskers }),
    drawn("rect", { class: "box", x: across(low), y: middle - 6, width: Math.max(1, across(high) - across(low)), height: 12 }),
    drawn("path", { class: "median", d: `M${across(median)} ${middle - 6}v12` }),
    ...[minimum, maximum].map((end) => drawn("circle", { class: "end", cx: across(end), cy: middle, r: 1.5 })),
    drawn("title", {}, `${details.classes[code]}: ${digits(low)} to ${digits(high)}, median ${digits(median)}, ` +
      `all ${digits(minimum)} to ${digits(maximum)}`),
  );
  return [name, group];
}

function figure(caption, ...children) {
  return element("figure", {}, element("figcaption", { text: caption }), ...children);
}

function portraits(unit) {
  const [drive, spread] = unit.drive;
  const starts = details.maximal.startsWith("gradient") ? `; all starts within ${digits(spread)}` : "";
  const shown = [["weights", "Incoming weights: blue raises, red lowers"],
    ["maximal", `What drives it most: ${details.goal} ${digits(drive)}${starts}`]];
  const made = shown.filter(([sheet]) => (unit.tiles[sheet] ?? null) !== null).map(([sheet, words]) =>
    element("div", { class: sheet }, picture(sheet, unit.tiles[sheet], words), element("small", { text: words })));
  return element("div", { class: "portraits" }, ...made);
}

function gallery(unit, which) {
  const pictures = unit[which].filter((tile) => tile !== null);
  return element("div", { class: "gallery" }, ...pictures.map((tile) => picture("", tile, `${which} active image`)));
}

// A table with these column heads and rows; a cell is [text] or [text, CSS class].
function grid(label, heads, rows) {
  const line = (cells, told) => element("tr", told ? { class: "told-class" } : {}, ...cells.map(([text, name], at) =>
    element(at ? "td" : "th", { text, ...(at ? { class: `number ${name ?? ""}` } : { scope: "row" }) })));
  const top = heads.map((text, at) => element("th", { scope: "col", text, ...(at ? { class: "number" } : {}) }));
  const body = element("tbody", {}, ...rows.map(({ cells, told }) => line(cells, told)));
  return element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": label },
    element("table", {}, element("thead", {}, element("tr", {}, ...top)), body));
}

function change([value, low, high], shown) {
  if (value === null) return ["–"];
  return [`${points(value)} (${points(low)} to ${points(high)})`, shown ? "changed" : "quiet"];
}

function numbers(unit) {
  const rows = classesOf(unit).map((code, at) => {
    const name = details.classes[code];
    const [area, low, high] = unit.area[at];
    const [mean, zero] = [unit.mean[at], unit.zero[at]];
    const judged = area === null ? "–" : `${area.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
    return {
      told: unit.selective[at],
      cells: [[name], [judged], [unit.overlap[at] === null ? "–" : unit.overlap[at].toFixed(2)],
        change(mean.slice(0, 3), unit.needed[at]), change(mean.slice(3), unit.used[at]),
        change(zero.slice(0, 3)), change(zero.slice(3))],
    };
  });
  return grid("numbers of each class", ["Class", "AUC", "Overlap of boxes", "Recall, by its mean", "Probability, by its mean",
    "Recall, by zero", "Probability, by zero"], rows);
}

function ranges(unit) {
  const order = [["minimum", 0], ["lower whisker", 1], ["lower quartile", 2], ["median", 3], ["mean", 7],
    ["upper quartile", 4], ["upper whisker", 5], ["maximum", 6]];
  const heads = ["Class", "images", ...order.map(([name]) => name)];
  const of = (by) => grid(`ranges by ${by} class`, heads, classesOf(unit).map((code, at) => ({
    cells: [[details.classes[code]], [details.images[by][code].toLocaleString("en")],
      ...order.map(([, place]) => [digits(unit.boxes[by][at][place])])],
  })));
  return element("details", {}, element("summary", { text: "Ranges of the activation per class" }),
    element("h4", { text: "By true class" }), of("true"), element("h4", { text: "By predicted class" }), of("predicted"));
}

function nearest(unit) {
  const links = unit.nearest.flatMap(([other, correlation], at) => [
    at ? ", " : "", dossiers.has(other) ? element("a", { href: `#unit-${other}`, text: String(other) }) : String(other),
    ` (${correlation.toFixed(2)})`]);
  return element("p", { class: "note" }, `Most alike, by correlation: `, ...links);
}

function dossier(unit) {
  const name = `${details.noun[0].toUpperCase()}${details.noun.slice(1)} ${unit.unit}`;
  return element("article", { class: "dossier", id: `of-unit-${unit.unit}` },
    element("h3", { text: name, tabindex: "-1" }), prose(unit.sentence),
    element("div", { class: "looks" },
      element("div", {}, portraits(unit), element("h4", { text: "Most active for" }), gallery(unit, "most"),
        element("h4", { text: "Least active for" }), gallery(unit, "least")),
      element("div", { class: "plots" }, figure("Activation by true class", boxes(unit, "true")),
        figure("Activation by predicted class", boxes(unit, "predicted")))),
    element("h4", { text: `What it tells, and what is lost without it (points, on ${details.role} images)` }),
    numbers(unit), ranges(unit), ...(unit.nearest.length ? [nearest(unit)] : []));
}

// The dialog follows the URL fragment, so a unit can be linked, and Back closes it.
function follow() {
  const unit = dossiers.get(Number(location.hash.match(/^#unit-(\d+)$/)?.[1] ?? NaN));
  const open = unit && document.getElementById(`of-unit-${unit.unit}`);
  if (unit && open && !dialog.contains(open)) return open.scrollIntoView();
  if (!unit) return dialog.open && dialog.close();
  dialog.lastElementChild.replaceChildren(dossier(unit));
  dialog.dataset.unit = unit.unit;
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  dialog.querySelector("h3").focus();
}

// Shows the next row of the table, in its current order and filter.
function turn(step) {
  const rows = [...table.tBodies[0].rows].filter((row) => !row.hidden);
  const at = rows.findIndex((row) => row.dataset.unit === dialog.dataset.unit);
  const next = rows[at + step];
  if (next) location.replace(`#unit-${next.dataset.unit}`);
}

function filter() {
  const [wanted, flag] = ["by-class", "by-flag"].map((id) => document.getElementById(id).value);
  const rows = [...table.tBodies[0].rows];
  for (const row of rows) {
    const told = !wanted || row.dataset.classes.split(" ").includes(wanted);
    row.hidden = !told || Boolean(flag && !row.dataset.flags.split("|").includes(flag));
  }
  const count = rows.filter((row) => !row.hidden).length;
  document.getElementById("shown").textContent = `${count} of ${rows.length} ${details.noun}s`;
}

// The scatter plot of two units. Up to ten classes have Tableau's colours.
const TEN = ["#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#d4ac26", "#b07aa1", "#ff8593", "#9c755f", "#8f8a86"];
const colour = (at) => (details.classes.length <= TEN.length ? TEN[at] : `hsl(${(360 * at) / details.classes.length} 60% 52%)`);

function scatter(canvas, alone) {
  const side = canvas.clientWidth * devicePixelRatio;
  Object.assign(canvas, { width: side, height: side });
  const context = canvas.getContext("2d");
  const ends = [0, 1].map((axis) => [Math.min(...details.points.map((one) => one[axis])), Math.max(...details.points.map((one) => one[axis]))]);
  const place = (value, axis) => (0.03 + (0.94 * (value - ends[axis][0])) / (ends[axis][1] - ends[axis][0] || 1)) * side;
  const labels = details.labels[canvas.dataset.by];
  details.points.forEach(([x, y], at) => {
    context.globalAlpha = alone === null || alone === labels[at] ? 0.75 : 0.05;
    context.fillStyle = colour(labels[at]);
    context.beginPath();
    context.arc(place(x, 0), side - place(y, 1), 1.8 * devicePixelRatio, 0, 7);
    context.fill();
  });
}

function scatters() {
  const canvases = [...document.querySelectorAll("canvas[data-by]")];
  const legend = document.querySelector(".legend");
  const draw = () => {
    const pressed = legend.querySelector("[aria-pressed=true]");
    canvases.forEach((canvas) => scatter(canvas, pressed ? Number(pressed.value) : null));
  };
  details.classes.forEach((name, at) => {
    const button = element("button", { type: "button", value: at, "aria-pressed": "false", style: `--dot:${colour(at)}` },
      element("i"), name);
    button.addEventListener("click", () => {
      const chosen = button.ariaPressed !== "true";
      legend.querySelectorAll("button").forEach((other) => (other.ariaPressed = String(chosen && other === button)));
      draw();
    });
    legend.append(button);
  });
  addEventListener("resize", draw);
  draw();
}

document.getElementById("opened")?.append(...[...dossiers.values()].map(dossier));
if (details.points) scatters();
document.querySelectorAll(".filters select").forEach((select) => select.addEventListener("change", filter));
table?.tBodies[0].addEventListener("click", ({ target }) => {
  const row = target.closest("tr");
  if (!target.closest("a")) location.hash = `#unit-${row.dataset.unit}`;
});
dialog.querySelectorAll("[data-turn]").forEach((button) =>
  button.addEventListener("click", () => turn(Number(button.dataset.turn))));
dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
dialog.addEventListener("close", () => location.hash.startsWith("#unit-") && history.replaceState(null, "", "#all"));
dialog.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (step) turn(step);
});
addEventListener("hashchange", follow);
follow();
