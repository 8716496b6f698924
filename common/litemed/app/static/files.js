// The left side: what can be opened, and files that are dragged in.

import { ask, send } from "./api.js";
import { make } from "./panel.js";

const $ = (id) => document.getElementById(id);
/** What an image was opened with, as far as its prompts don't tell. */
const UNSAID = { modality: null, window: "soft_tissue", page: null, series: null, pixel_spacing: null, zoom: "auto" };

export class Files {
  constructor(page) {
    this.page = page;
    this.windows = {};
    this.tools = {};
    this.chosen = null;
    this.listen();
  }

  async refresh(isFirst = false) {
    try {
      const { files, tools, windows } = await ask("/api/folder");
      this.tools = tools;
      this.windows = Object.fromEntries(Object.keys(windows).map((name) => [name, `CT ${name.replaceAll("_", " ")}`]));
      this.listed = files;
      $("files").replaceChildren(...files.map((file) => make("li", {}, this.button(file))));
      if (!files.length) this.page.told("There is no picture, volume or video here: drag one onto the page.");
      if (isFirst && files.length === 1) this.choose(files[0]);
    } catch (error) {
      this.page.told(error.message, true);
    }
  }

  button(file) {
    const parts = file.name.split("/");
    const shown = parts[0] === "dropped" ? parts.at(-1) : parts.slice(1).join("/");
    const button = make("button", { textContent: shown, title: file.kind });
    button.dataset.name = file.name;
    button.addEventListener("click", () => this.choose(file));
    return button;
  }

  choose(file) {
    this.chosen = file;
    for (const button of document.querySelectorAll("#files button")) {
      button.setAttribute("aria-pressed", button.dataset.name === file.name);
    }
    this.page.tasks.offer(file, this.tools);
    if (file.kind === "video") this.page.leave("A video: choose an analysis on the left.");
    else this.page.open(file.name);
  }

  // --- dragging in ----------------------------------------------------------------------------------------------

  listen() {
    const isFiles = (event) => event.dataTransfer?.types.includes("Files");
    document.addEventListener("dragover", (event) => {
      if (!isFiles(event)) return;
      event.preventDefault();
      document.body.classList.add("dropping");
    });
    document.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) document.body.classList.remove("dropping");
    });
    document.addEventListener("drop", async (event) => {
      if (!isFiles(event)) return;
      event.preventDefault();
      document.body.classList.remove("dropping");
      const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
      const files = entries.length
        ? (await Promise.all(entries.map((entry) => within(entry)))).flat()
        : [...event.dataTransfer.files].map((file) => ({ file, name: file.name }));
      this.take(files, entries.length === 1 && entries[0].isDirectory ? entries[0].name : null);
    });
  }

  /** Send files to the server, and open the first, or all as one volume; a file of prompts is drawn on what is open. */
  async take(files, folder) {
    if (!files.length) return this.page.told("There is no file in it.", true);
    const [only] = files;
    if (files.length === 1 && only.name.endsWith(".json")) return this.replay(only.file);
    let place = null;
    try {
      const { group } = await ask("/api/files", { name: folder ?? only.name.replace(/(\.nii)?\.\w+$/, "") });
      place = `dropped/${group}`;
      for (const [number, { file, name }] of files.entries()) {
        this.page.told(`Taking ${name}, ${number + 1} of ${files.length} …`);
        await send(`/api/files/${encodeURIComponent(group)}/${encodeURIComponent(name)}`, file);
      }
      this.page.told("");
    } catch (error) {
      await this.refresh();
      return this.page.told(error.message, true);
    }
    await this.refresh();
    const first = this.listed.find((file) => file.name === place || file.name.startsWith(`${place}/`));
    if (first) this.choose(first);
    else this.page.told(`${folder ?? only.name} is no picture, volume or video that can be opened.`, true);
  }

  /** Open the image as it was when a file of prompts was saved, and draw them. */
  async replay(file) {
    const image = this.page.image();
    if (!image) return this.page.told("Open an image before its prompts.", true);
    let content;
    try {
      content = JSON.parse(await file.text());
    } catch (error) {
      return this.page.told(`${file.name} is no JSON: ${error.message}`, true);
    }
    if (!await this.page.open(image.name, { ...UNSAID, ...content?.options })) return;
    if (!await this.page.edit("replay", { content })) return;
    const name = image.name.split("/").at(-1);
    const drawnOn = content.image ?? name;
    if (drawnOn !== name) this.page.told(`These prompts were drawn on ${drawnOn}, not on ${name}.`, true);
  }
}

/** The files of a dragged file or folder, those of folders in it too, each with a name of its own. */
async function within(entry, path = "") {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => { entry.file(resolve, reject); });
    return [{ file, name: (path + entry.name).replaceAll(/[\\/:]/g, "_") }];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (!some.length) return found;
    const visible = some.filter((each) => !each.name.startsWith("."));
    found.push(...(await Promise.all(visible.map((each) => within(each, each.isFile ? path : `${path}${each.name}_`)))).flat());
  }
}
