// The page of models side by side: two of them are chosen and shown, in this order, on the images that both have.

const choice = document.querySelector(".choosing");
const [first, second] = choice.querySelectorAll("select");
const pairs = [...document.querySelectorAll("[data-first]")];

const isOf = (pair) => [first.value, second.value].every((name) => [pair.dataset.first, pair.dataset.second].includes(name));

// Of each row of columns the two that are chosen, the first one first.
function arrange(row) {
  const columns = [...row.children].filter((one) => one.dataset.model !== undefined);
  columns.forEach((one) => (one.hidden = true));
  for (const name of [first.value, second.value]) {
    const column = columns.find((one) => one.dataset.model === name);
    column.hidden = false;
    row.append(column);
  }
}

function show() {
  [[first, second], [second, first]].forEach(([own, other]) =>
    [...own.options].forEach((one) => (one.disabled = one.value === other.value)));
  const shown = pairs.filter(isOf);
  pairs.forEach((pair) => (pair.hidden = !shown.includes(pair)));
  shown.forEach((pair) => (pair.open = true));
  document.querySelectorAll("[data-columns]").forEach(arrange);
  const role = shown[0]?.dataset.on;
  document.querySelectorAll("[data-role-of]").forEach((one) => (one.hidden = one.dataset.roleOf !== role));
  document.querySelector(".no-pair").hidden = shown.length > 0;
  // The boxes are measured again (page.js): their columns are other ones.
  for (const box of document.querySelectorAll(".measured")) {
    box.dataset.kind = `${first.value}, ${second.value}`;
    box.parentNode.insertBefore(box, box.nextSibling);
  }
}

document.documentElement.classList.add("chosen-pair");
choice.hidden = false;
choice.addEventListener("change", show);
show();
