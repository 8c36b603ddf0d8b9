// A map of images: a point for each, images of some that do not overlap; pan, zoom, select.

const atlas = document.querySelector(".atlas");
const find = (selector) => atlas.querySelector(selector);
const data = JSON.parse(document.getElementById("atlas").textContent);
const canvas = find("canvas");
const plate = find(".plate");
const card = find(".card");
const context = canvas.getContext("2d");

const GRID = 65535;
const MOST_ZOOM = 400;
const REACH = 14; // pixels around the pointer in which a point is found
const LISTED = 200; // images listed of a selection
const NAMED_CLASSES = 40;
const PLANES = [[0, 1], [0, 2], [1, 2]];

const unpack = (text, kind) => new kind(Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0)).buffer);
const rows = unpack(data.rows, Uint32Array);
const codes = { labels: unpack(data.labels, Uint16Array), predicted: unpack(data.predicted, Uint16Array) };
const probability = unpack(data.probability, Uint16Array);
const axes = data.maps.map(() => []);
const hidden = new Set();
const view = { map: 0, plane: 0, x: 0, y: 0, zoom: 1 };
let shown = []; // numbers of the points that pass the filter
let selected = null; // Set of points, or null
let places = []; // two axes of the map in view
let bounds = { x: 0, y: 0, fit: 1 };
let thumbnails = { key: "", points: [] };
let drawn = []; // [point, left, top, side] of the images in view
let centres = [];
let lasso = null;
let colours = [];
let picture = null; // the point whose card is open
let version = 0; // of the filter
let waiting = false;

function element(name, text = "", className = "") {
  return Object.assign(document.createElement(name), { textContent: text, className });
}

const axis = (place) => (axes[view.map][place] ??= unpack(data.maps[view.map].places[place], Uint16Array));
const scale = () => bounds.fit * view.zoom;
const screenX = (point) => (places[0][point] - view.x) * scale() + canvas.clientWidth / 2;
const screenY = (point) => (view.y - places[1][point]) * scale() + canvas.clientHeight / 2;

// Shows a map, zoomed out.
function turnTo(map, plane) {
  Object.assign(view, { map, plane });
  const pair = data.maps[map].places.length === 3 ? PLANES[plane] : PLANES[0];
  places = pair.map(axis);
  const titles = pair.map((place) => data.maps[map].axes[place]);
  find(".axes-names").textContent = titles[0] ? `To the right: ${titles[0]}. Upwards: ${titles[1]}.` : "";
  find("[data-note]").textContent = data.maps[map].note;
  find(".plane").hidden = data.maps[map].places.length < 3;
  canvas.ariaLabel = `${data.maps[map].title}, ${data.count.toLocaleString("en")} images`;
  select(null);
  whole();
}

function whole() {
  const ends = places.map((values) => values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [GRID, 0]));
  const [across, up] = ends.map(([low, high]) => Math.max(1, high - low));
  const fit = 0.92 * Math.min(canvas.clientWidth / across, canvas.clientHeight / up);
  bounds = { x: (ends[0][0] + ends[0][1]) / 2, y: (ends[1][0] + ends[1][1]) / 2, fit };
  Object.assign(view, { x: bounds.x, y: bounds.y, zoom: 1 });
  centres = findCentres();
  redraw();
}

function findCentres() {
  if (!data.maps[view.map].named || data.classes.length > NAMED_CLASSES) return [];
  const middle = (values) => values.sort()[values.length >> 1];
  return data.classes.map((name, code) => {
    const own = shown.filter((point) => codes.labels[point] === code);
    return { name, code, at: own.length ? places.map((values) => middle(Uint16Array.from(own, (point) => values[point]))) : null };
  }).filter((each) => each.at);
}

// The points whose class is on in the legend, only mistakes if that box is checked.
function filter() {
  const wrongOnly = find("[name=wrong]").checked;
  shown = [];
  for (let point = 0; point < data.count; point++) {
    if (hidden.has(codes.labels[point]) || (wrongOnly && codes.labels[point] === codes.predicted[point])) continue;
    shown.push(point);
  }
  version++;
  if (places.length) centres = findCentres();
  if (selected) select(new Set(shown.filter((point) => selected.has(point))));
  redraw();
}

// Colours are CSS variables for up to ten classes; for more, evenly spaced hues.
function readColours() {
  const style = getComputedStyle(document.documentElement);
  const variable = (name) => style.getPropertyValue(name).trim();
  const css = data.classes.map((_, code) => data.classes.length <= 10
    ? variable(`--class-${code}`)
    : `oklch(${Number(variable("--class-lightness")) + (code % 3 - 1) * 0.1} 0.13 ${(code * 137.5) % 360})`);
  const pot = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  const read = (colour) => {
    pot.fillStyle = colour;
    pot.fillRect(0, 0, 1, 1);
    return [...pot.getImageData(0, 0, 1, 1).data];
  };
  const paper = read(variable("--paper"));
  const packed = ([red, green, blue]) => (255 << 24) | (blue << 16) | (green << 8) | red;
  colours = css.map((colour) => {
    const full = read(colour);
    return { css: colour, full: packed(full), pale: packed(full.map((part, at) => Math.round(0.2 * part + 0.8 * paper[at]))) };
  });
  colours.ink = variable("--ink");
  colours.paper = variable("--paper");
  atlas.querySelectorAll(".legend button").forEach((button, code) => button.style.setProperty("--colour", css[code]));
  redraw();
}

function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    draw();
  });
}

function draw() {
  const ratio = Math.min(2, devicePixelRatio || 1);
  const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.max(1, Math.round(side * ratio)));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.putImageData(drawPoints(width, height, ratio), 0, 0);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  drawThumbnails();
  if (view.zoom < 4) drawNames();
  if (lasso) drawLasso();
  canvas.classList.toggle("near", view.zoom > 1.01);
  Object.assign(atlas.dataset, { zoom: view.zoom, shown: shown.length, thumbnails: drawn.length, selected: selected?.size ?? "", ready: "yes" });
}

// Points are written as pixels: 55,000 take a few milliseconds.
function drawPoints(width, height, ratio) {
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const radius = ratio * Math.min(4, 1.3 * view.zoom ** 0.35 * (data.count < 5000 ? 1.6 : 1));
  const disc = [];
  for (let down = -Math.floor(radius); down <= radius; down++)
    for (let right = -Math.floor(radius); right <= radius; right++)
      if (down * down + right * right <= radius * radius) disc.push([right, down]);
  const own = codes[find("[name=colour]").value];
  for (let at = shown.length - 1; at >= 0; at--) {
    const point = shown[at];
    const x = Math.round(screenX(point) * ratio);
    const y = Math.round(screenY(point) * ratio);
    if (x < -radius || y < -radius || x > width + radius || y > height + radius) continue;
    const colour = colours[own[point]][!selected || selected.has(point) ? "full" : "pale"];
    for (const [right, down] of disc) {
      const column = x + right;
      const line = y + down;
      if (column >= 0 && column < width && line >= 0 && line < height) pixels[line * width + column] = colour;
    }
  }
  return image;
}

// Which images are drawn depends on the map, the filter and the zoom, but not on the position, so that none flickers
// while the map moves. Earlier tiles of the sheet have priority, and images do not overlap.
function choose(side) {
  const step = side / scale();
  const key = [view.map, view.plane, version, side, view.zoom].join();
  if (thumbnails.key === key) return thumbnails.points;
  const cells = new Map();
  const points = shown.filter((point) => {
    if (point >= data.tiles) return false;
    const [x, y] = places.map((values) => values[point]);
    const [column, line] = [Math.floor(x / step), Math.floor(y / step)];
    for (let across = column - 1; across <= column + 1; across++)
      for (let up = line - 1; up <= line + 1; up++)
        for (const other of cells.get(across * 1e6 + up) ?? [])
          if (Math.abs(places[0][other] - x) < step && Math.abs(places[1][other] - y) < step) return false;
    const cell = column * 1e6 + line;
    cells.set(cell, [...(cells.get(cell) ?? []), point]);
    return true;
  });
  thumbnails = { key, points };
  return points;
}

function drawThumbnails() {
  drawn = [];
  if (!sheet.complete || !data.tiles || !find("[name=pictures]").checked) return;
  const side = Math.min(56, Math.round(20 * view.zoom ** 0.3));
  const own = codes[find("[name=colour]").value];
  const [tileWidth, tileHeight] = [sheet.naturalWidth / data.columns, sheet.naturalHeight / data.lines];
  context.imageSmoothingEnabled = side < tileWidth;
  for (const point of choose(side + 6)) {
    const [left, top] = [screenX(point) - side / 2, screenY(point) - side / 2];
    if (left < -side || top < -side || left > canvas.clientWidth || top > canvas.clientHeight) continue;
    context.globalAlpha = !selected || selected.has(point) ? 1 : 0.25;
    context.fillStyle = colours[own[point]].css;
    context.fillRect(left - 2, top - 2, side + 4, side + 4);
    const source = [(point % data.columns) * tileWidth, Math.floor(point / data.columns) * tileHeight, tileWidth, tileHeight];
    context.drawImage(sheet, ...source, left, top, side, side);
    drawn.push([point, left, top, side]);
  }
  context.globalAlpha = 1;
}

function drawNames() {
  context.font = "600 18px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.lineWidth = 5;
  context.strokeStyle = colours.paper;
  context.fillStyle = colours.ink;
  for (const { code, at } of centres) {
    const x = (at[0] - view.x) * scale() + canvas.clientWidth / 2;
    const y = (view.y - at[1]) * scale() + canvas.clientHeight / 2;
    const text = data.short[code];
    context.strokeText(text, x, y);
    context.fillText(text, x, y);
  }
}

function drawLasso() {
  context.beginPath();
  lasso.forEach(([x, y]) => context.lineTo(x, y));
  context.closePath();
  context.lineWidth = 1.5;
  context.strokeStyle = colours.ink;
  context.setLineDash([5, 4]);
  context.stroke();
  context.setLineDash([]);
}

// Moving.
function zoomBy(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const zoom = Math.min(MOST_ZOOM, Math.max(1, view.zoom * factor));
  const [right, up] = [x - canvas.clientWidth / 2, canvas.clientHeight / 2 - y];
  const kept = [view.x + right / scale(), view.y + up / scale()];
  view.zoom = zoom;
  view.x = kept[0] - right / scale();
  view.y = kept[1] - up / scale();
  if (zoom === 1) Object.assign(view, { x: bounds.x, y: bounds.y });
  close();
  redraw();
}

function moveBy(right, down) {
  view.x -= right / scale();
  view.y += down / scale();
  close();
  redraw();
}

// What is under the pointer: an image, else the nearest point.
function nearest(x, y) {
  const covered = drawn.findLast(([, left, top, side]) => x >= left - 2 && y >= top - 2 && x <= left + side + 2 && y <= top + side + 2);
  if (covered) return covered[0];
  let [found, best] = [null, REACH * REACH];
  for (const point of shown) {
    const apart = (screenX(point) - x) ** 2 + (screenY(point) - y) ** 2;
    if (apart < best) [found, best] = [point, apart];
  }
  return found;
}

function tile(point) {
  const one = element("span", "", "picture");
  one.style.setProperty("--x", point % data.columns);
  one.style.setProperty("--y", Math.floor(point / data.columns));
  one.role = "img";
  one.ariaLabel = data.classes[codes.labels[point]];
  return one;
}

function percent(point) {
  const share = (100 * probability[point]) / GRID;
  return share > 99.95 && probability[point] < GRID ? ">99.9 %" : `${share.toFixed(1)} %`;
}

function open(point) {
  picture = point;
  const [label, answer] = [codes.labels, codes.predicted].map((each) => data.classes[each[point]]);
  const words = element("p");
  words.append(element("b", label), element("span", `answered ${answer}, ${percent(point)}`, `line${label === answer ? "" : " wrong"}`));
  words.append(element("span", `row ${rows[point]}`, "line quiet"));
  if (point < data.tiles) words.append(element("span", data.ids[point], "line identity"));
  card.replaceChildren(...(point < data.tiles ? [tile(point)] : []), words);
  card.hidden = false;
  const [x, y] = [screenX(point), screenY(point)];
  const left = x + 24 + card.offsetWidth < canvas.clientWidth ? x + 24 : Math.max(4, x - 24 - card.offsetWidth);
  const top = Math.min(Math.max(4, y - card.offsetHeight / 2), canvas.clientHeight - card.offsetHeight - 4);
  card.style.transform = `translate(${left}px, ${top}px)`;
}

function close() {
  picture = null;
  card.hidden = true;
}

function look(x, y) {
  const point = nearest(x, y);
  if (point === null) close();
  else if (point !== picture) open(point);
}

// Selecting.
function inside(x, y, polygon) {
  let odd = false;
  for (let at = 0, before = polygon.length - 1; at < polygon.length; before = at++) {
    const [[ax, ay], [bx, by]] = [polygon[at], polygon[before]];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}

function selectInside(polygon) {
  const points = shown.filter((point) => inside(screenX(point), screenY(point), polygon));
  select(points.length ? new Set(points) : null);
}

function selectView() {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  selectInside([[0, 0], [width, 0], [width, height], [0, height]]);
}

function select(points) {
  selected = points?.size ? points : null;
  find("[data-do=clear]").hidden = !selected;
  find(".selected").replaceChildren(...(selected ? summary([...selected]) : []));
  redraw();
}

function summary(points) {
  const wrong = points.filter((point) => codes.labels[point] !== codes.predicted[point]).length;
  const pictured = points.filter((point) => point < data.tiles);
  const number = (count) => count.toLocaleString("en");
  const listed = pictured.length > LISTED ? `, ${LISTED} of them below` : "";
  return [
    element("h3", `${number(points.length)} ${points.length === 1 ? "image" : "images"} selected`),
    element("p", `${number(wrong)} answered wrongly; ${number(pictured.length)} drawn${listed}.`, "note"),
    countTable(points),
    gallery(pictured.slice(0, LISTED)),
  ];
}

function countTable(points) {
  const counts = data.classes.map((name, code) => {
    const own = points.filter((point) => codes.labels[point] === code);
    return { name, images: own.length, wrong: own.filter((point) => codes.predicted[point] !== code).length };
  }).filter((row) => row.images).sort((a, b) => b.images - a.images);
  const table = element("table");
  table.createTHead().insertRow().append(...["Class", "Images", "Answered wrongly"].map((text, at) =>
    Object.assign(element("th", text, at ? "number" : ""), { scope: "col" })));
  const body = table.createTBody();
  for (const { name, images, wrong } of counts) {
    const line = body.insertRow();
    line.append(Object.assign(element("th", name), { scope: "row" }));
    line.append(...[images, wrong].map((count) => element("td", count.toLocaleString("en"), "number")));
  }
  const box = element("div", "", "scroll");
  box.append(table);
  return box;
}

function gallery(points) {
  const list = element("ol", "", "pictures small whole");
  for (const point of points) {
    const [label, answer] = [codes.labels, codes.predicted].map((each) => data.classes[each[point]]);
    const item = element("li");
    item.title = `${data.ids[point]}: answered ${answer}, ${percent(point)}`;
    item.append(tile(point), element("span", label === answer ? label : `${label}, answered ${answer}`, label === answer ? "identity" : "identity wrong"));
    list.append(item);
  }
  return list;
}

// Pointers: one moves or draws, two zoom.
const pointers = new Map();
const lassoing = () => find("[data-do=lasso]").ariaPressed === "true";

function placeOf(event) {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

canvas.addEventListener("pointerdown", (event) => {
  pointers.set(event.pointerId, placeOf(event));
  if (event.isTrusted) canvas.setPointerCapture(event.pointerId);
  lasso = pointers.size === 1 && (event.shiftKey || lassoing()) ? [placeOf(event)] : null;
});

canvas.addEventListener("pointermove", (event) => {
  const [x, y] = placeOf(event);
  const before = pointers.get(event.pointerId);
  if (!before) return look(x, y);
  const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
  pointers.set(event.pointerId, [x, y]);
  if (lasso) {
    lasso.push([x, y]);
    redraw();
  } else if (others.length) pinch(before, [x, y], others[0]);
  else moveBy(x - before[0], y - before[1]);
});

function pinch(before, after, other) {
  const apart = (a, b) => Math.max(1, Math.hypot(a[0] - b[0], a[1] - b[1]));
  moveBy((after[0] - before[0]) / 2, (after[1] - before[1]) / 2);
  zoomBy(apart(after, other) / apart(before, other), (after[0] + other[0]) / 2, (after[1] + other[1]) / 2);
}

function release(event) {
  if (!pointers.delete(event.pointerId)) return;
  if (lasso?.length > 2) selectInside(lasso);
  lasso = null;
  if (event.pointerType === "touch" && event.type === "pointerup") look(...placeOf(event));
  redraw();
}

canvas.addEventListener("pointerup", release);
canvas.addEventListener("pointercancel", release);
canvas.addEventListener("pointerleave", () => pointers.size || close());
canvas.addEventListener("wheel", (event) => {
  if (view.zoom === 1 && event.deltaY > 0) return; // the page scrolls on
  event.preventDefault();
  zoomBy(2 ** (-event.deltaY * (event.deltaMode ? 16 : 1) / 300), ...placeOf(event));
}, { passive: false });

// Keys act on the middle of the map, where the card opens.
const KEYS = {
  ArrowLeft: () => moveBy(60, 0), ArrowRight: () => moveBy(-60, 0), ArrowUp: () => moveBy(0, 60), ArrowDown: () => moveBy(0, -60),
  "+": () => zoomBy(1.5), "=": () => zoomBy(1.5), "-": () => zoomBy(1 / 1.5), 0: whole, Enter: selectView, Escape: () => select(null),
};
canvas.addEventListener("keydown", (event) => {
  if (!KEYS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  KEYS[event.key]();
  draw();
  look(canvas.clientWidth / 2, canvas.clientHeight / 2);
});

const ACTIONS = {
  in: () => zoomBy(1.6), out: () => zoomBy(1 / 1.6), whole, view: selectView, clear: () => select(null),
  lasso: (button) => {
    button.ariaPressed = String(!lassoing());
    plate.classList.toggle("lasso", lassoing());
  },
};
atlas.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-do]");
  if (button) ACTIONS[button.dataset.do](button);
});
atlas.addEventListener("change", ({ target }) => {
  if (target.name === "map") turnTo(Number(target.value), 0);
  if (target.name === "map") find("[name=plane][value='0']").checked = true;
  if (target.name === "plane") turnTo(view.map, Number(target.value));
  if (target.name === "wrong") filter();
  redraw();
});

function legend() {
  const counts = new Uint32Array(data.classes.length);
  codes.labels.forEach((code) => counts[code]++);
  const buttons = data.classes.map((name, code) => {
    const button = Object.assign(element("button"), { type: "button", ariaPressed: "true", title: `${counts[code].toLocaleString("en")} images` });
    button.append(element("i"), name);
    button.addEventListener("click", () => {
      hidden.has(code) ? hidden.delete(code) : hidden.add(code);
      press();
    });
    return button;
  });
  const all = Object.assign(element("button", "all"), { type: "button" });
  const none = Object.assign(element("button", "none"), { type: "button" });
  all.addEventListener("click", () => press(hidden.clear()));
  none.addEventListener("click", () => press(data.classes.forEach((_, code) => hidden.add(code))));
  const press = () => {
    buttons.forEach((button, code) => (button.ariaPressed = String(!hidden.has(code))));
    filter();
  };
  find(".legend").append(...buttons, all, none);
}

// The sprite sheet of the page, which every `.picture` shows a tile of.
const sheet = new Image();
const probe = element("span", "", "picture");
plate.append(probe);
sheet.addEventListener("load", redraw);
sheet.src = getComputedStyle(probe).backgroundImage.slice(5, -2);
probe.remove();

legend();
filter();
readColours();
turnTo(0, 0);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readColours);
new ResizeObserver(() => {
  const { zoom, x, y } = view;
  whole();
  if (zoom > 1) Object.assign(view, { zoom, x, y });
}).observe(canvas);
