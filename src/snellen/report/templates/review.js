// The review of suspected wrong labels: one image after another, answered by keys or buttons, exported as reviews.csv.

const { list, study, classes, keys, listed, suspects } = JSON.parse(document.getElementById("review-data").textContent);
const COLUMNS = ["picture", "label", "review", "correct_label", "role", "id", "rank", "suspects"];
const STORE = `snellen-reviews-${list}`;
const Z = 1.959963984540054; // of a 95 % interval
const at = (id) => document.getElementById(id);
const keyOf = (one) => `${one.picture} ${one.label}`;
const places = new Map(suspects.map((one, place) => [keyOf(one), place]));

let answers = new Map(); // place -> { review, correct }
let carried = []; // rows of a loaded file that are not in this list, exported as they were
let now = 0;

function restore() {
  try {
    const stored = JSON.parse(localStorage.getItem(STORE) ?? "null");
    answers = new Map((stored?.answers ?? []).filter(([place]) => suspects[place]));
    carried = stored?.carried ?? [];
  } catch {
    say("This browser keeps nothing for files: download your answers before you close the page.");
  }
}

function keep() {
  try {
    localStorage.setItem(STORE, JSON.stringify({ answers: [...answers], carried }));
  } catch {
    say("This browser keeps nothing for files: download your answers before you close the page.");
  }
}

const say = (text) => (at("said").textContent = text);
const words = (one) => (one ? (one.review === "wrong" ? `wrong, it is ${one.correct}` : one.review) : "none");
const share = (value) => (value === null ? "" : ` (probability ${value.toFixed(3)})`);

function show(place) {
  now = Math.max(0, Math.min(suspects.length - 1, place));
  const one = suspects[now];
  const answer = answers.get(now);
  const picture = at("picture");
  picture.classList.toggle("missing", one.style === null);
  picture.setAttribute("style", one.style ?? "");
  picture.ariaLabel = one.style === null ? "no image stored" : `image, labelled ${one.label}`;
  at("current").textContent = now < listed ? `Suspect ${now + 1} of ${listed}` : `Test image ${now - listed + 1} of ${suspects.length - listed}`;
  at("label").textContent = one.label + share(one.probability);
  at("suggested").textContent = one.suggested + share(one.suggested_probability);
  at("identity").textContent = `${one.role}, ${one.id}` + (one.copies ? `, and ${one.copies} equal to it` : "");
  at("answered").textContent = words(answer);
  at("is").textContent = one.suggested;
  at("class").value = answer?.review === "wrong" && answer.correct !== one.suggested ? answer.correct : "";
  for (const button of document.querySelectorAll("[data-answer]")) {
    const own = button.dataset.answer;
    const given = answer && (own === "suggested" ? answer.review === "wrong" && answer.correct === one.suggested : answer.review === own);
    button.ariaPressed = given ? "true" : "false";
  }
  document.querySelector("tr.now")?.classList.remove("now");
  rowOf(now)?.classList.add("now");
}

const rowOf = (place) => document.querySelector(`tr[data-place="${place}"]`);

function answer(review, correct = "") {
  if (review === "wrong" && correct === suspects[now].label) [review, correct] = ["right", ""];
  answers.set(now, { review, correct });
  const said = `${at("current").textContent}: ${words(answers.get(now))}.`;
  settle();
  say(now + 1 < suspects.length ? said : `${said} This was the last one.`);
  show(now + 1);
}

// Not as soon as the selection changes: arrows change it on the way to another class.
function save() {
  if (!at("class").value) return say("Choose a class first.");
  answer("wrong", at("class").value);
  at("current").focus();
}

function clear() {
  answers.delete(now);
  settle();
  say("Answer removed.");
  show(now);
}

// The list, the precision of what was reviewed, and what the browser keeps.
function settle() {
  keep();
  suspects.forEach((_, place) => {
    const cell = rowOf(place)?.querySelector("[data-answered]");
    if (cell) cell.textContent = answers.has(place) ? words(answers.get(place)) : "–";
  });
  at("precision").textContent = precision();
}

function precision() {
  const reviewed = [...answers.keys()].filter((place) => place < listed);
  const count = reviewed.length;
  if (!count) return `Nothing reviewed yet of ${listed} listed.`;
  const wrong = reviewed.filter((place) => ["wrong", "exclude"].includes(answers.get(place).review)).length;
  const unsure = reviewed.filter((place) => answers.get(place).review === "unsure").length;
  const [low, high] = wilson(wrong, count).map((end) => (100 * end).toFixed(1));
  const first = reviewed.every((place) => place < count);
  const sample = first ? `the first ${count} of ${listed}` : `${count} of ${listed}, not the first ones`;
  const doubt = unsure ? ` ${unsure} unsure ${unsure === 1 ? "counts" : "count"} as not wrong.` : "";
  return `Reviewed: ${sample}. Wrong or excluded: ${wrong} of ${count}, ${((100 * wrong) / count).toFixed(1)} % (${low} to ${high}).${doubt}`;
}

function wilson(hits, count) {
  const centre = hits + Z ** 2 / 2;
  const reach = Z * Math.sqrt((hits * (count - hits)) / count + Z ** 2 / 4);
  return [centre - reach, centre + reach].map((end) => Math.max(0, Math.min(1, end / (count + Z ** 2))));
}

// Files. A cell that a spreadsheet would compute gets a ' in front, as in all tables of Snellen.
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const harmless = (text) => (FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text);
const cell = (text) => (/[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function exported() {
  const own = [...answers].sort((a, b) => a[0] - b[0]).map(([place, { review, correct }]) => {
    const one = suspects[place];
    const listing = place < listed ? [String(place + 1), String(listed)] : ["", ""];
    return [one.picture, one.label, review, correct, one.role, one.id, ...listing].map(harmless);
  });
  return [COLUMNS, ...carried, ...own].map((row) => row.map(cell).join(",") + "\r\n").join("");
}

function download() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([exported()], { type: "text/csv" }));
  link.download = "reviews.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  say(`${answers.size + carried.length} reviews downloaded.`);
}

function parsed(text) {
  const whole = text.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n");
  const used = (sign) => whole.split("\n", 1)[0].split(sign).length;
  const separator = [",", ";", "\t"].reduce((best, sign) => (used(sign) > used(best) ? sign : best));
  const rows = [[]];
  for (const [, field, end] of whole.matchAll(new RegExp(`("(?:[^"]|"")*"|[^${separator}\n]*)(${separator}|\n|$)`, "g"))) {
    rows[rows.length - 1].push(field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field);
    if (end === "\n") rows.push([]);
  }
  return rows.filter((row) => row.some(Boolean));
}

// Of an image that is in the list its answer; any other row stays as it is, and is exported again.
function load(text) {
  const [header = [], ...rows] = parsed(text);
  const column = Object.fromEntries(COLUMNS.map((name) => [name, header.indexOf(name)]));
  if (COLUMNS.slice(0, 4).some((name) => column[name] < 0)) return say("This is no file of reviews: it has other columns.");
  let taken = 0;
  let unknown = 0;
  const others = [];
  for (const row of rows) {
    const own = Object.fromEntries(COLUMNS.map((name) => [name, row[column[name]] ?? ""]));
    const bare = (name) => (classes.includes(own[name]) ? own[name] : own[name].replace(/^'/, ""));
    const place = places.get(`${own.picture} ${bare("label")}`);
    if (place === undefined) others.push(COLUMNS.map((name) => own[name]));
    else if (["right", "unsure", "exclude"].includes(own.review) || (own.review === "wrong" && classes.includes(bare("correct_label")))) {
      answers.set(place, { review: own.review, correct: own.review === "wrong" ? bare("correct_label") : "" });
      taken += 1;
    } else unknown += 1;
  }
  carried = others;
  settle();
  show(now);
  const missed = unknown ? `, ${unknown} not understood: no such review or class` : "";
  say(`${taken} answers read${missed}${others.length ? `, and ${others.length} about images that are not in this list: they are downloaded with the others` : ""}.`);
}

function nextOpen() {
  const order = [...suspects.keys()].map((step) => (now + 1 + step) % suspects.length);
  const open = order.find((place) => !answers.has(place));
  open === undefined ? say("Every suspect has an answer.") : show(open);
}

const ACTIONS = {
  r: () => answer("right"),
  w: () => answer("wrong", suspects[now].suggested),
  u: () => answer("unsure"),
  x: () => answer("exclude"),
  c: () => at("class").focus(),
  n: nextOpen,
  ArrowLeft: () => show(now - 1),
  ArrowRight: () => show(now + 1),
  Backspace: clear,
};

function pressed(event) {
  if (!at("keys").checked || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.target.closest("select, input, textarea, .scroll")) return;
  const action = ACTIONS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  const name = keys[event.key];
  if (!action && name === undefined) return;
  event.preventDefault();
  action ? action() : answer("wrong", name);
}

if (suspects.length) {
  document.querySelector("[data-review]").hidden = false;
  document.querySelectorAll("[data-answer]").forEach((button) =>
    button.addEventListener("click", () => ACTIONS[{ suggested: "w", right: "r", unsure: "u", exclude: "x" }[button.dataset.answer]]()));
  document.querySelectorAll("[data-move]").forEach((button) =>
    button.addEventListener("click", () => ({ open: nextOpen, clear })[button.dataset.move]?.() ?? (Number(button.dataset.move) && show(now + Number(button.dataset.move)))));
  document.querySelectorAll("[data-go]").forEach((link) =>
    link.addEventListener("click", () => (show(Number(link.dataset.go)), at("current").focus())));
  at("save").addEventListener("click", save);
  at("class").addEventListener("keydown", (event) => event.key === "Enter" && (event.preventDefault(), save()));
  at("download").addEventListener("click", download);
  at("upload").addEventListener("change", async ({ target }) => target.files[0] && load(await target.files[0].text()));
  at("forget").addEventListener("click", () => {
    if (!confirm("Remove all answers?")) return;
    answers = new Map();
    carried = [];
    settle();
    show(0);
    say(`All answers of ${study} removed.`);
  });
  document.addEventListener("keydown", pressed);
  restore();
  settle();
  show(0);
}
