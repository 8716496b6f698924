// What the bundles do with a file as a whole: vessels, nuclei, the tear film of a video ...

import { ask, result } from "./api.js";
import { make } from "./panel.js";

const $ = (id) => document.getElementById(id);
const SHOWN = /^[^/]+\/[^/]+(?<!_mask|_probability)\.(png|jpe?g)$/; // label maps look black

export class Tasks {
  constructor(page) {
    this.page = page;
  }

  /** Take up those that an earlier page began. */
  async refresh() {
    try {
      for (const task of await ask("/api/tasks")) this.begin(task);
    } catch (error) {
      this.page.told(error.message, true);
    }
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
      this.begin(await ask("/api/tasks", { tool, name: file.name }));
    } catch (error) {
      this.page.told(error.message, true);
    }
  }

  begin(task) {
    const card = make("div", { className: "task" });
    $("tasks").prepend(card);
    $("analyses").hidden = false;
    this.watch(task, card);
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
    if (said) parts.push(printed(said));
    const report = files.find((each) => each.endsWith("/report.html"));
    if (report) {
      const properties = { className: "report", href: result(report), target: "_blank", textContent: "Open the report" };
      parts.push(make("a", properties));
    }
    for (const file of files.filter((each) => SHOWN.test(each))) {
      parts.push(make("a", { href: result(file), target: "_blank" }, make("img", { src: result(file), alt: file })));
    }
    const links = files.map((file) => make("li", {}, make("a", {
      href: result(file), target: "_blank", textContent: file.split("/").slice(1).join("/"),
    })));
    const summary = make("summary", { textContent: links.length === 1 ? "1 file" : `${links.length} files` });
    if (links.length) parts.push(make("details", {}, summary, make("ul", {}, ...links)));
    card.replaceChildren(...parts);
  }
}

/** What a command printed: names with their values as rows, other lines as they are. */
function printed(text) {
  return make("div", { className: "said" }, ...text.split("\n").filter(Boolean).map((line) => {
    const [, name, value] = line.match(/^(\S.*?) {2,}(\S.*)$/) ?? [];
    if (!name) return make("p", { textContent: line });
    return make("p", { className: "row" }, make("span", { textContent: name }), make("span", { textContent: value }));
  }));
}
