// The heat map of all correlations: zoom, and the pair and its correlation under the pointer.
const box = document.getElementById("correlations");
if (box) {
  const { down, across, side, steps } = JSON.parse(box.dataset.grid);
  const [image, zoom, told] = [box.querySelector("img"), box.querySelector("input"), box.querySelector("output")];
  const frame = image.parentElement;
  const drawn = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  await image.decode();
  const cells = image.naturalWidth;
  drawn.canvas.width = drawn.canvas.height = cells;
  drawn.drawImage(image, 0, 0);

  zoom.addEventListener("input", () => {
    const [x, y] = [frame.scrollLeft + frame.clientWidth / 2, frame.scrollTop + frame.clientHeight / 2];
    const before = image.clientWidth;
    image.style.width = `${100 * zoom.value}%`;
    const grown = image.clientWidth / before;
    frame.scrollTo(x * grown - frame.clientWidth / 2, y * grown - frame.clientHeight / 2);
  });

  const name = (cell) =>
    cell === 0 ? "label" : `row ${side * Math.floor((cell - 1) / across)}, column ${side * ((cell - 1) % across)}`;

  const value = (x, y) => {
    const [red, , blue, alpha] = drawn.getImageData(x, y, 1, 1).data;
    if (alpha && red === blue) return "none, constant";
    return (((blue > red ? 1 : -1) * Math.round((alpha / 255) * steps)) / steps).toFixed(2).replace("-", "−");
  };

  image.addEventListener("pointermove", ({ offsetX, offsetY }) => {
    const [x, y] = [offsetX / image.clientWidth, offsetY / image.clientHeight].map((share) =>
      Math.min(cells - 1, Math.max(0, Math.floor(share * cells))),
    );
    told.textContent = `${name(y)} and ${name(x)}: ${value(x, y)}`;
  });
}
