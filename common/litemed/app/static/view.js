// One plane of an image on a canvas: its slice, the objects' colours, prompts, and what is being drawn.
// Coordinates: a pixel's centre is at whole numbers, as the server has them; (0, 0) is the first pixel.

import { picture } from "./api.js";

const LARGEST = 3000; // pixels along a side that are sent of a slice as a whole
const WAIT = 120; // ms, before the visible part is asked for in full detail

export class View {
  /** page: { image(), state(), settings, waiting, told(text), drew(prompt), looked(view), cross(view, x, y) } */
  constructor(page, plane, box) {
    this.page = page;
    this.plane = plane;
    this.about = page.image().planes[plane];
    this.index = Math.floor(this.about.depth / 2);
    const smallest = Math.min(...this.about.aspect);
    this.aspect = this.about.aspect.map((step) => step / smallest);
    this.factor = Math.ceil(Math.max(this.about.width, this.about.height) / LARGEST);
    this.place = null; // { scale, x, y }: canvas pixels a unit, and where the slice begins
    this.parts = {}; // pictures: base, labels, and their detail, each { image, key, region }
    this.drawing = null;
    this.pointer = null;
    this.build(box);
  }

  build(box) {
    this.root = document.createElement("div");
    this.root.className = "view";
    this.root.innerHTML = `<canvas tabindex="0"></canvas><div class="waits" hidden></div>
      <div class="bar"><span></span><input type="range" min="0" aria-label="Slice"><button title="Show this plane larger">larger</button></div>`;
    this.canvas = this.root.querySelector("canvas");
    this.canvas.setAttribute("aria-label", this.plane);
    this.context = this.canvas.getContext("2d");
    [this.caption, this.slider, this.larger] = this.root.querySelector(".bar").children;
    this.waits = this.root.querySelector(".waits");
    this.slider.max = this.about.depth - 1;
    this.slider.hidden = this.larger.hidden = this.about.depth === 1;
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
    for (const kind of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) {
      this.canvas.addEventListener(kind, (event) => this[kind](event));
    }
    this.canvas.addEventListener("pointerleave", () => { this.pointer = null; });
    this.canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    this.canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.canvas.addEventListener("focus", () => this.page.looked(this));
    box.append(this.root);
    this.sized = new ResizeObserver(() => this.resize());
    this.sized.observe(this.root);
    this.go(this.index);
  }

  close() {
    clearTimeout(this.detailTimer);
    this.sized.disconnect();
    this.root.remove();
  }

  // --- where the slice is ---------------------------------------------------------------------------------------

  resize() {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [this.root.clientWidth * ratio, this.root.clientHeight * ratio].map(Math.round);
    if (!width || !height || (width === this.canvas.width && height === this.canvas.height)) return;
    const before = this.place && !this.isFitted ? this.toSlice(this.canvas.width / 2, this.canvas.height / 2) : null;
    [this.canvas.width, this.canvas.height] = [width, height];
    if (!before) return this.fit();
    const [x, y] = this.toCanvas(...before);
    this.place.x += width / 2 - x;
    this.place.y += height / 2 - y;
    this.moved();
  }

  fit() {
    const [w, h] = [this.about.width * this.aspect[0], this.about.height * this.aspect[1]];
    const bar = 30 * (window.devicePixelRatio || 1);
    const scale = Math.min(this.canvas.width / w, (this.canvas.height - bar) / h);
    this.place = { scale, x: (this.canvas.width - w * scale) / 2, y: (this.canvas.height - bar - h * scale) / 2 };
    this.isFitted = true;
    this.moved();
  }

  toSlice(x, y) {
    const { scale, x: left, y: top } = this.place;
    return [(x - left) / scale / this.aspect[0] - 0.5, (y - top) / scale / this.aspect[1] - 0.5];
  }

  toCanvas(x, y) {
    const { scale, x: left, y: top } = this.place;
    return [left + (x + 0.5) * this.aspect[0] * scale, top + (y + 0.5) * this.aspect[1] * scale];
  }

  zoom(times, x = this.canvas.width / 2, y = this.canvas.height / 2) {
    const scale = Math.min(Math.max(this.place.scale * times, 0.01), 80);
    const real = scale / this.place.scale;
    this.place = { scale, x: x - (x - this.place.x) * real, y: y - (y - this.place.y) * real };
    this.isFitted = false;
    this.moved();
  }

  moved() {
    this.draw();
    clearTimeout(this.detailTimer);
    if (this.factor > 1) this.detailTimer = setTimeout(() => this.load(), WAIT);
  }

  go(index) {
    this.index = Math.min(Math.max(Math.round(index), 0), this.about.depth - 1);
    this.slider.value = this.index;
    this.caption.textContent = this.about.depth > 1 ? `${this.plane} ${this.index + 1} / ${this.about.depth}` : "";
    this.load();
    this.page.looked(this);
  }

  // --- pictures from the server ---------------------------------------------------------------------------------

  /** Ask for what is lacking of the slice, its objects and, of a large one that is seen closely, their detail. */
  load() {
    const { low, high } = this.page.settings;
    const seen = `plane=${this.plane}&index=${this.index}`;
    const revision = `revision=${this.page.state().revision}`;
    const values = `low=${low}&high=${high}`;
    this.fetch("base", "slice", `${seen}&${values}&factor=${this.factor}`, null);
    this.fetch("labels", "labels", `${seen}&${revision}&factor=${this.factor}`, null);
    const detail = this.place && this.factor > 1 ? this.visible() : null;
    if (!detail) {
      delete this.parts.baseDetail;
      delete this.parts.labelsDetail;
      return;
    }
    const part = `region=${detail.region.join(",")}&factor=${detail.factor}`;
    this.fetch("baseDetail", "slice", `${seen}&${values}&${part}`, detail.region);
    this.fetch("labelsDetail", "labels", `${seen}&${revision}&${part}`, detail.region);
  }

  /** The part of the slice in sight, and how coarse it may be; null when the whole one shows as much. */
  visible() {
    const pixel = this.place.scale * Math.min(...this.aspect); // on the canvas
    const factor = Math.max(1, Math.floor(1 / pixel));
    if (factor >= this.factor) return null;
    const [x0, y0] = this.toSlice(0, 0).map((value) => Math.max(0, Math.floor(value)));
    const ends = this.toSlice(this.canvas.width, this.canvas.height).map((value) => Math.ceil(value) + 1);
    const [x1, y1] = [Math.min(ends[0], this.about.width), Math.min(ends[1], this.about.height)];
    return x0 < x1 && y0 < y1 ? { factor, region: [x0, y0, x1, y1] } : null;
  }

  async fetch(part, kind, query, region) {
    const key = `${kind}?${query}`;
    this.wanted ??= {};
    if (this.wanted[part] === key) return;
    this.wanted[part] = key;
    try {
      const image = await picture(`/api/images/${this.page.image().number}/${key}`);
      if (this.wanted[part] !== key) return;
      this.parts[part] = { image, region: region ?? [0, 0, this.about.width, this.about.height], index: this.index };
      this.draw();
    } catch (error) {
      if (this.wanted[part] === key) delete this.wanted[part];
      this.page.told(error.message, true);
    }
  }

  // --- drawing --------------------------------------------------------------------------------------------------

  draw() {
    if (!this.place || this.isPlanned) return;
    this.isPlanned = true;
    requestAnimationFrame(() => {
      this.isPlanned = false;
      this.paint();
    });
  }

  paint() {
    if (!this.root.isConnected) return;
    const { context, canvas } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    for (const name of ["base", "baseDetail", "labels", "labelsDetail"]) {
      const part = this.parts[name];
      if (!part || (name !== "base" && part.index !== this.index)) continue;
      const isLabels = name.startsWith("labels");
      const [x0, y0, x1, y1] = part.region;
      const [left, top] = this.toCanvas(x0 - 0.5, y0 - 0.5);
      const [right, bottom] = this.toCanvas(x1 - 0.5, y1 - 0.5);
      context.imageSmoothingEnabled = !isLabels && this.place.scale < 4;
      context.globalAlpha = isLabels ? this.page.settings.opacity : 1;
      context.drawImage(part.image, left, top, right - left, bottom - top);
    }
    context.globalAlpha = 1;
    this.paintCross();
    const selected = this.page.selected();
    for (const { name, colour, prompts } of this.page.state().objects) {
      for (const prompt of prompts) {
        if (prompt.plane === this.plane && prompt.index === this.index) this.paintPrompt(prompt, colour, name === selected);
      }
    }
    for (const { prompt } of this.page.waiting) {
      if (prompt?.plane === this.plane && prompt.index === this.index) this.paintPrompt(prompt, "#ffffff", true);
    }
    if (this.drawing?.numbers) this.paintPrompt(this.drawing, "#ffffff", true);
  }

  paintCross() {
    for (const view of this.page.views()) {
      const [axis, crossed] = Object.entries(this.about.crossed).find(([, each]) => each.plane === view.plane) ?? [];
      if (!axis) continue;
      const at = crossed.mirrored ? view.about.depth - 1 - view.index : view.index;
      const [x, y] = this.toCanvas(axis === "x" ? at : 0, axis === "y" ? at : 0);
      this.context.fillStyle = "#ffffff55";
      if (axis === "x") this.context.fillRect(x, 0, 1, this.canvas.height);
      else this.context.fillRect(0, y, this.canvas.width, 1);
    }
  }

  paintPrompt({ kind, numbers, positive }, colour, isSelected) {
    const { context } = this;
    const ratio = window.devicePixelRatio || 1;
    context.globalAlpha = isSelected ? 1 : 0.5;
    context.lineWidth = (isSelected ? 2 : 1) * ratio;
    context.strokeStyle = colour;
    if (kind === "box") {
      const [x0, y0] = this.toCanvas(numbers[0] - 0.5, numbers[1] - 0.5);
      const [x1, y1] = this.toCanvas(numbers[2] + 0.5, numbers[3] + 0.5);
      context.strokeRect(x0, y0, x1 - x0, y1 - y0);
    } else if (kind === "click") {
      const [x, y] = this.toCanvas(...numbers);
      const r = 5 * ratio;
      context.beginPath();
      context.arc(x, y, r, 0, 7);
      context.fillStyle = positive ? "#1b9e3e" : "#c62828";
      context.fill();
      context.strokeStyle = "#fff";
      context.stroke();
      context.beginPath();
      context.moveTo(x - r / 2, y);
      context.lineTo(x + r / 2, y);
      if (positive) {
        context.moveTo(x, y - r / 2);
        context.lineTo(x, y + r / 2);
      }
      context.stroke();
    } else {
      context.strokeStyle = positive ? "#1b9e3e" : "#c62828";
      context.lineWidth = 3 * ratio;
      context.beginPath();
      for (let i = 0; i < numbers.length; i += 2) context.lineTo(...this.toCanvas(numbers[i], numbers[i + 1]));
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  // --- the pointer ----------------------------------------------------------------------------------------------

  at(event) {
    const ratio = this.canvas.width / this.canvas.clientWidth;
    return [event.offsetX * ratio, event.offsetY * ratio];
  }

  /** The pixel below the pointer. */
  pixel(event) {
    return this.toSlice(...this.at(event)).map(Math.round);
  }

  holds([x, y]) {
    return x >= 0 && y >= 0 && x < this.about.width && y < this.about.height;
  }

  pointerdown(event) {
    this.canvas.focus();
    const tool = event.button === 1 ? "pan" : this.page.settings.tool;
    const pixel = this.pixel(event);
    if (event.shiftKey && this.about.depth > 1) return this.page.cross(this, ...pixel);
    if (event.button > 2 || (event.button === 2 && !["click", "stroke"].includes(tool))) return;
    this.canvas.setPointerCapture(event.pointerId);
    const drawn = { positive: event.button !== 2, plane: this.plane, index: this.index };
    this.drawing = { tool, from: this.at(event), start: pixel, ...this.page.settings.window(), place: { ...this.place } };
    if (["box", "click", "stroke"].includes(tool)) {
      if (!this.holds(pixel)) {
        this.drawing = null;
        return this.page.told("Draw on the picture.", true);
      }
      Object.assign(this.drawing, drawn, { kind: tool, numbers: tool === "box" ? [...pixel, ...pixel] : pixel });
      this.draw();
    }
  }

  pointermove(event) {
    this.pointer = this.at(event);
    const drawing = this.drawing;
    if (!drawing) return;
    const [x, y] = this.at(event);
    const [dx, dy] = [x - drawing.from[0], y - drawing.from[1]];
    if (drawing.tool === "pan") {
      Object.assign(this.place, { x: drawing.place.x + dx, y: drawing.place.y + dy });
      this.isFitted = false;
      this.moved();
    } else if (drawing.tool === "window") {
      const width = drawing.width * Math.exp(dx / 300);
      this.page.settings.setWindow(drawing.level + (dy / 300) * drawing.width, width);
    } else if (drawing.kind === "box") {
      const end = this.clipped(this.pixel(event));
      const [a, b] = [drawing.start, end];
      drawing.numbers = [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];
      this.draw();
    } else if (drawing.kind === "stroke") {
      const pixel = this.clipped(this.pixel(event));
      if (pixel[0] !== drawing.numbers.at(-2) || pixel[1] !== drawing.numbers.at(-1)) drawing.numbers.push(...pixel);
      this.draw();
    }
  }

  clipped([x, y]) {
    return [Math.min(Math.max(x, 0), this.about.width - 1), Math.min(Math.max(y, 0), this.about.height - 1)];
  }

  pointerup() {
    const drawing = this.drawing;
    this.drawing = null;
    if (!drawing?.kind) return;
    const [x0, y0, x1, y1] = drawing.numbers;
    if (drawing.kind === "box" && (x0 === x1 || y0 === y1)) {
      this.page.told("Drag from one corner of the box to the other.", true);
      return this.draw();
    }
    if (drawing.kind === "stroke" && drawing.numbers.length === 2) drawing.numbers.push(...drawing.numbers);
    const { kind, numbers, positive, plane, index } = drawing;
    this.page.drew({ kind, numbers, positive, plane, index });
  }

  pointercancel() {
    this.drawing = null;
    this.draw();
  }

  wheel(event) {
    event.preventDefault();
    if (event.ctrlKey || this.about.depth === 1) {
      this.zoom(Math.exp(-event.deltaY / 400), ...this.at(event));
    } else {
      this.go(this.index + Math.sign(event.deltaY));
    }
  }
}
