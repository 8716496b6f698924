// What the bundles do with a file as a whole: vessels, nuclei, the tear film of a video ...

import { ask, result } from "./api.js";
import { make } from "./panel.js";

const $ = (id) => document.getElementById(id);
const PICTURES = /\.(png|jpe?g)$/;
const SHOWN = 6;

export class Tasks {
  constructor(page) {
    this.page = page;
  }

  /** Show a button for each tool that takes the file. */
  offer(file, tools) {
    const fitting = Object.entries(tools).filter(([, tool]) => tool.takes.split(", ").includes(file.kind));
    $("analyses").hidden = !fitting.length && !$("tasks").children.length;
    $("offered").replaceChildren(...fitting.map(([name, { text }]) => {
      const button = make("button", { textContent: text });
      button.dataset.tool_name = name;
      button.addEventListener("click", () => this.start(name, file));
      return button;
    }));
  }

  async start(tool, file) {
    try {
      const task = await ask("/api/tasks", { tool, name: file.name });
      const card = make("div", { className: "task" });
      $("tasks").prepend(card);
      this.watch(task, card);
    } catch (error) {
      this.page.told(error.message, true);
    }
  }

  watch(task, card) {
    this.show(task, card);
    if (!task.is_running) return;
    setTimeout(async () => {
      try {
        task = await ask(`/api/tasks/${task.number}`);
      } catch (error) {
        this.page.told(error.message, true);
      }
      this.watch(task, card);
    }, 700);
  }

  show({ number, tool, name, is_running, done, total, said, error, files }, card) {
    const parts = [make("b", { textContent: tool }), ` ${name}`];
    if (is_running) {
      const bar = make("progress", { title: total ? `${done} of ${total}` : "working" });
      if (total) Object.assign(bar, { max: total, value: done });
      const stop = make("button", { textContent: "Stop" });
      stop.addEventListener("click", () => ask(`/api/tasks/${number}/cancel`, {}));
      parts.push(bar, total ? `${done} of ${total} ` : "", stop);
    }
    if (error) parts.push(make("pre", { textContent: error }));
    if (said) parts.push(make("pre", { textContent: said }));
    for (const file of files.filter((each) => PICTURES.test(each)).slice(0, SHOWN)) {
      parts.push(make("a", { href: result(file), target: "_blank" }, make("img", { src: result(file), alt: file })));
    }
    const links = files.map((file) => make("li", {}, make("a", {
      href: result(file), target: "_blank", textContent: file.split("/").slice(1).join("/"),
    })));
    if (links.length) parts.push(make("details", { open: links.length < 9 }, make("summary", { textContent: "Files" }), make("ul", {}, ...links)));
    card.replaceChildren(...parts);
  }
}
