// The page: which image is open, what is drawn on it, and the keyboard.

import { ask, Lost } from "./api.js";
import { Files } from "./files.js";
import { Panel } from "./panel.js";
import { Tasks } from "./tasks.js";
import { View } from "./view.js";

const $ = (id) => document.getElementById(id);
const TOOLS = { b: "box", c: "click", s: "stroke", p: "pan", w: "window" };
const HINTS = {
  box: "Drag a box around an object, then correct it by clicks. New object (N) before the next: another box replaces this one.",
  click: "Left click: this belongs to the object. Right click: this doesn't.",
  stroke: "Left drag along what belongs to the object, right drag along what doesn't.",
  pan: "Drag the picture. The wheel zooms, in volumes with Ctrl.",
  window: "Drag across for the width of the window, up and down for its level.",
};

class Page {
  constructor() {
    this.opened = null; // what /api/images told
    this.shown = []; // views
    this.active = null;
    this.chosen = null; // name of the selected object
    this.queue = Promise.resolve();
    this.waiting = []; // edits that the server hasn't answered
    this.settings = {
      tool: "box",
      opacity: Number($("opacity").value),
      low: 0,
      high: 255,
      window: () => ({ level: (this.settings.low + this.settings.high) / 2, width: this.settings.high - this.settings.low }),
      setWindow: (level, width) => this.setWindow(level, width),
    };
    this.panel = new Panel(this);
    this.tasks = new Tasks(this);
    this.files = new Files(this);
    this.listen();
    this.files.refresh(true);
    this.tasks.refresh();
    this.poll();
  }

  image() { return this.opened; }
  state() { return this.opened.state; }
  views() { return this.shown; }
  selected() { return this.chosen; }

  told(text, isBad = false) {
    $("told").textContent = text;
    $("told").classList.toggle("bad", isBad);
  }

  // --- opening --------------------------------------------------------------------------------------------------

  /** Open a file; options as the server has them, such as { modality: "CT" }. False when it can't be opened. */
  async open(name, options = {}) {
    this.told(`Opening ${name.split("/").at(-1)} …`);
    try {
      this.use(await ask("/api/images", { name, options }));
      const { is_again, state } = this.opened;
      const count = state.objects.length === 1 ? "1 object is" : `${state.objects.length} objects are`;
      this.told(is_again ? `${count} here again, drawn earlier on this image. Undo takes that away.` : "");
      return true;
    } catch (error) {
      const option = /choose one from 1 to/.test(error.message) ? "page"
        : /choose one by its number or UID/.test(error.message) ? "series" : null;
      const answer = option && await this.panel.question(`${error.message}.`);
      if (answer) return this.open(name, { ...options, [option]: option === "page" ? Number(answer) : answer });
      this.told(error.message, true);
      return false;
    }
  }

  use(opened) {
    const before = this.opened?.name === opened.name ? this.shown.map((view) => [view.plane, view.index]) : [];
    this.shown.forEach((view) => view.close());
    this.opened = opened;
    this.chosen = opened.state.objects.at(-1)?.name ?? null;
    [this.settings.low, this.settings.high] = opened.shown;
    $("empty").hidden = true;
    $("tools").hidden = false;
    this.shown = [];
    const planes = Object.keys(opened.planes);
    $("views").classList.toggle("three", planes.length > 1);
    for (const plane of planes) this.shown.push(new View(this, plane, $("views")));
    for (const [plane, index] of before) this.shown.find((view) => view.plane === plane)?.go(index);
    for (const view of this.shown) view.larger.addEventListener("click", () => this.enlarge(view));
    this.enlarge(this.shown[0]);
    this.showWindow();
    this.panel.opened();
    this.update(opened.state);
    $("right").hidden = false;
    this.useTool(this.settings.tool);
  }

  /** Close the image, and say what there is in its place. */
  leave(text) {
    this.shown.forEach((view) => view.close());
    [this.shown, this.opened, this.active] = [[], null, null];
    $("views").classList.remove("three");
    $("tools").hidden = $("right").hidden = true;
    $("hint").textContent = "";
    $("empty").textContent = text;
    $("empty").hidden = false;
    this.told("");
  }

  enlarge(main) {
    for (const view of this.shown) view.root.classList.toggle("main", view === main);
    this.active = main;
  }

  looked(view) {
    this.active = view;
    if (this.opened) this.shown.forEach((each) => each.draw());
    clearTimeout(this.lookTimer);
    this.lookTimer = setTimeout(() => this.poll(), 250);
  }

  /** Bring the other planes to a place of this one. */
  cross(view, x, y) {
    for (const [axis, { plane, mirrored }] of Object.entries(view.about.crossed)) {
      const other = this.shown.find((each) => each.plane === plane);
      const at = axis === "x" ? x : y;
      other.go(mirrored ? other.about.depth - 1 - at : at);
    }
    this.active = view;
  }

  // --- drawing --------------------------------------------------------------------------------------------------

  /** Send an edit after those that are under way; false when it was refused. */
  edit(action, given = {}) {
    const { number } = this.opened;
    const sent = { ...given, id: crypto.randomUUID() };
    this.waiting.push(sent);
    const done = this.queue.then(async () => {
      try {
        const state = await this.send(`/api/images/${number}/${action}`, sent);
        if (this.opened?.number === number) this.update(state);
        this.told("");
        return true;
      } catch (error) {
        this.told(error.message, true);
        return false;
      } finally {
        this.waiting.splice(this.waiting.indexOf(sent), 1);
      }
    });
    this.queue = done;
    return done;
  }

  /** Send an edit until it is answered: one that arrives twice is taken once. */
  async send(path, sent) {
    for (;;) {
      try {
        return await ask(path, sent);
      } catch (error) {
        if (!(error instanceof Lost)) throw error;
        this.lost(error);
        await new Promise((resolve) => { setTimeout(resolve, 1000); });
      }
    }
  }

  lost(error) {
    this.isLost = true;
    const count = this.waiting.length;
    const waits = count ? ` What you draw now waits here: ${count === 1 ? "1 change" : `${count} changes`}.` : "";
    this.told(error.message + waits, true);
  }

  async drew(prompt) {
    const view = this.active;
    if (!this.chosen) this.chosen = this.freeName();
    const name = this.chosen;
    const timer = setTimeout(() => { view.waits.textContent = "Outlining …"; view.waits.hidden = false; }, 150);
    await this.edit("draw", { name, prompt, is_new: !this.state().objects.some((each) => each.name === name) });
    clearTimeout(timer);
    view.waits.hidden = true;
    view.draw();
    this.poll();
  }

  freeName() {
    const names = new Set(this.state().objects.map((each) => each.name));
    let number = names.size + 1;
    while (names.has(`object ${number}`)) number += 1;
    return `object ${number}`;
  }

  async addObject() {
    this.wanted = this.freeName();
    if (!await this.edit("add_object", { name: this.wanted })) this.wanted = null;
  }

  select(name) {
    this.chosen = name;
    this.panel.show();
    this.shown.forEach((view) => view.draw());
  }

  update(state) {
    const isOther = state.revision !== this.opened.state.revision;
    this.opened.state = state;
    const names = state.objects.map((each) => each.name);
    if (names.includes(this.wanted)) [this.chosen, this.wanted] = [this.wanted, null];
    if (this.chosen && !names.includes(this.chosen)) this.chosen = names.at(-1) ?? null;
    if (!this.chosen && names.length) this.chosen = names.at(-1);
    if (isOther) this.shown.forEach((view) => view.load());
    this.shown.forEach((view) => view.draw());
    this.panel.show();
  }

  // --- what happens meanwhile -----------------------------------------------------------------------------------

  /** Ask how things stand: another browser may draw too, slices are embedded, objects are followed. */
  async poll() {
    clearTimeout(this.pollTimer);
    let soon = 2000;
    if (this.opened && this.active) {
      const view = this.active;
      const { number } = this.opened;
      try {
        const state = await ask(`/api/images/${number}?plane=${view.plane}&index=${view.index}`);
        if (this.isLost) this.told("The connection is back.");
        this.isLost = false;
        if (this.opened?.number === number) {
          this.update(state);
          for (const each of this.shown) if (each !== view) each.waits.hidden = true;
          if (!view.drawing) {
            view.waits.textContent = "Encoding this slice …";
            view.waits.hidden = state.is_encoded;
          }
          if (!state.is_encoded || state.is_following) soon = 350;
        }
      } catch (error) {
        if (error instanceof Lost) this.lost(error);
        else this.told(error.message, true);
      }
    }
    clearTimeout(this.pollTimer);
    this.pollTimer = setTimeout(() => this.poll(), soon);
  }

  // --- window, tools and keys -----------------------------------------------------------------------------------

  setWindow(level, width) {
    if (!Number.isFinite(level) || !(width > 0)) return;
    [this.settings.low, this.settings.high] = [level - width / 2, level + width / 2];
    this.showWindow();
    clearTimeout(this.windowTimer);
    this.windowTimer = setTimeout(() => this.shown.forEach((view) => view.load()), 30);
  }

  showWindow() {
    const { level, width } = this.settings.window();
    const places = width > 20 ? 0 : 3;
    $("level").value = level.toFixed(places);
    $("width").value = width.toFixed(places);
  }

  useTool(tool) {
    this.settings.tool = tool;
    for (const button of document.querySelectorAll("[data-tool]")) {
      button.setAttribute("aria-pressed", button.dataset.tool === tool);
    }
    $("hint").textContent = HINTS[tool] + (this.opened.is_volume ? " Shift+click shows a place in all planes." : "");
  }

  listen() {
    for (const button of document.querySelectorAll("[data-tool]")) {
      button.addEventListener("click", () => this.useTool(button.dataset.tool));
    }
    $("undo").addEventListener("click", () => this.edit("undo"));
    $("redo").addEventListener("click", () => this.edit("redo"));
    $("new").addEventListener("click", () => this.addObject());
    $("cancel").addEventListener("click", () => this.edit("cancel"));
    $("save").addEventListener("click", () => this.panel.save());
    $("fit").addEventListener("click", () => this.shown.forEach((view) => view.fit()));
    $("opacity").addEventListener("input", () => {
      this.settings.opacity = Number($("opacity").value);
      this.shown.forEach((view) => view.draw());
    });
    for (const id of ["level", "width"]) {
      $(id).addEventListener("change", () => this.setWindow(Number($("level").value), Number($("width").value)));
    }
    document.addEventListener("keydown", (event) => this.key(event));
    window.addEventListener("beforeunload", (event) => { if (this.waiting.length) event.preventDefault(); });
  }

  key(event) {
    const isTyping = ["text", "number"].includes(event.target.type) || event.target.tagName === "SELECT";
    if (!this.opened || isTyping || event.altKey) return;
    const key = event.key.toLowerCase();
    const does = event.ctrlKey || event.metaKey ? this.control(key, event.shiftKey) : this.plain(key, event);
    if (!does) return;
    event.preventDefault();
    does();
  }

  control(key, isShift) {
    return {
      z: () => this.edit(isShift ? "redo" : "undo"),
      y: () => this.edit("redo"),
      s: () => this.panel.save(),
    }[key];
  }

  plain(key, event) {
    if (key in TOOLS) return () => this.useTool(TOOLS[key]);
    if (/^[1-9]$/.test(key)) return () => this.select(this.state().objects[Number(key) - 1]?.name ?? this.chosen);
    const isSlider = event.target.type === "range";
    const view = this.active;
    const steps = { arrowup: -1, arrowdown: 1, pageup: -10, pagedown: 10 };
    if (key in steps && !isSlider && view.about.depth > 1) return () => view.go(view.index + steps[key]);
    return {
      n: () => this.addObject(),
      0: () => this.shown.forEach((each) => each.fit()),
      "+": () => view.zoom(1.25),
      "-": () => view.zoom(0.8),
      escape: () => view.pointercancel(),
    }[key];
  }
}

new Page();
