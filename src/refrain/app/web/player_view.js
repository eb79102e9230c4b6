// What is drawn rather than shown as it is, and how large: the matte over the answer, the difference, zoom and pan.

const TINT = [255, 32, 96];   // a matte is laid over the answer in this colour

class Drawing {
  constructor(canvas, width, height) {
    Object.assign(this, { canvas, width, height });
    canvas.width = width;
    canvas.height = height;
    this.context = canvas.getContext("2d", { alpha: false });
    this.tint = this.layer();
    this.hole = this.layer();
  }

  layer() {
    const canvas = document.createElement("canvas");
    canvas.width = this.width;
    canvas.height = this.height;
    return canvas.getContext("2d", { alpha: false });
  }

  // after · (1 - strength · matte) + strength · matte · colour
  matte(after, matte, strength) {
    const { tint, hole } = this;
    this.put(tint, "source-over", matte);
    this.fill(tint, "multiply", TINT.map((part) => part * strength));
    this.fill(hole, "source-over", [255, 255, 255]);
    const weight = this.put(this.grey ??= this.layer(), "source-over", matte);
    this.fill(weight, "multiply", [255 * strength, 255 * strength, 255 * strength]);
    this.put(hole, "difference", weight.canvas);
    this.put(this.context, "source-over", after);
    this.put(this.context, "multiply", hole.canvas);
    this.put(this.context, "lighter", tint.canvas);
  }

  // |before - after|, doubled `doublings` times
  difference(before, after, doublings) {
    this.put(this.context, "source-over", before);
    this.put(this.context, "difference", after);
    for (let n = 0; n < doublings; n++) this.put(this.context, "lighter", this.canvas);
  }

  put(context, how, picture) {
    context.globalCompositeOperation = how;
    context.drawImage(picture, 0, 0, this.width, this.height);
    return context;
  }

  fill(context, how, colour) {
    context.globalCompositeOperation = how;
    context.fillStyle = `rgb(${colour.map(Math.round).join(" ")})`;
    context.fillRect(0, 0, this.width, this.height);
  }
}

// Where the picture stands in its pane: scale, and the place of its corner in widths and heights of the pane.
class Zoom {
  constructor() { this.fit(); }

  fit() { this.scale = 1; this.x = 0; this.y = 0; }

  // Makes it `factor` times as large around the point (x, y) of the pane, both in 0 to 1.
  by(factor, x = 0.5, y = 0.5) {
    const scale = Math.max(1, Math.min(32, this.scale * factor));
    const real = scale / this.scale;
    this.x = x - (x - this.x) * real;
    this.y = y - (y - this.y) * real;
    this.scale = scale;
    this.keep();
  }

  move(x, y) { this.x += x; this.y += y; this.keep(); }

  // No pane shows an empty border.
  keep() {
    this.x = Math.max(1 - this.scale, Math.min(0, this.x));
    this.y = Math.max(1 - this.scale, Math.min(0, this.y));
  }

  get css() { return `translate(${100 * this.x}%, ${100 * this.y}%) scale(${this.scale})`; }
}
