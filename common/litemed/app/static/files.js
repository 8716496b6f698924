// The left side: what can be opened, and files that are dragged in.

import { ask, send } from "./api.js";
import { make } from "./panel.js";

const $ = (id) => document.getElementById(id);

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
    const button = make("button", { textContent: file.name.split("/").slice(1).join("/"), title: file.kind });
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
    if (file.kind === "video") this.page.told("A video: choose an analysis below the files.");
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
      this.take(entries.length ? (await Promise.all(entries.map(within))).flat() : [...event.dataTransfer.files]);
    });
  }

  /** Send files to the server, and open the first; a file of prompts is drawn on what is open. */
  async take(files) {
    const [only] = files;
    if (files.length === 1 && only.name.endsWith(".json")) return this.replay(only);
    const group = `${Date.now()}`;
    try {
      for (const [number, file] of files.entries()) {
        this.page.told(`Taking ${file.name}, ${number + 1} of ${files.length} …`);
        await send(`/api/files/${group}/${encodeURIComponent(file.name)}`, file);
      }
      this.page.told("");
    } catch (error) {
      this.page.told(error.message, true);
    }
    await this.refresh();
    const first = this.listed.find((file) => file.name.startsWith(`dropped/${group}`));
    if (first) this.choose(first);
    else if (files.length) this.page.told(`${only.name} is no picture, volume or video that can be opened.`, true);
  }

  async replay(file) {
    if (!this.page.image()) return this.page.told("Open an image before its prompts.", true);
    try {
      await this.page.edit("replay", { content: JSON.parse(await file.text()) });
    } catch (error) {
      this.page.told(`${file.name} is no JSON: ${error.message}`, true);
    }
  }
}

/** The files of a dragged file or folder. */
async function within(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found.filter((file) => !file.name.startsWith("."));
    found.push(...(await Promise.all(some.map(within))).flat());
  }
}
