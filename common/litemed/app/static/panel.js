// The right side: objects with their sizes, saving, and what is known of the image.

import { ask, result } from "./api.js";

const $ = (id) => document.getElementById(id);

/** A new element with properties, and others inside it. */
export function make(tag, properties = {}, ...inside) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...inside);
  return element;
}

export class Panel {
  constructor(page) {
    this.page = page;
    this.rows = new Map(); // of objects, by name
    this.sizes = {};
    this.sized = -1; // revision that sizes are of
  }

  opened() {
    this.rows.clear();
    $("objects").replaceChildren();
    $("saved").replaceChildren();
    this.sizes = {};
    this.sized = -1;
    this.about();
  }

  // --- objects --------------------------------------------------------------------------------------------------

  show() {
    if (!this.page.image()) return;
    const state = this.page.state();
    const names = state.objects.map((each) => each.name);
    for (const [name, row] of this.rows) if (!names.includes(name)) this.rows.delete(name) && row.item.remove();
    state.objects.forEach((object, place) => {
      const row = this.rows.get(object.name) ?? this.add(object.name);
      if ($("objects").children[place] !== row.item) $("objects").insertBefore(row.item, $("objects").children[place]);
      row.item.classList.toggle("selected", object.name === this.page.selected());
      if (document.activeElement !== row.colour) row.colour.value = object.colour;
      const count = object.prompts.length;
      const size = this.sized === state.revision ? this.sizes[object.name] : "";
      row.size.textContent = [size, count === 1 ? "1 prompt" : `${count} prompts`].filter(Boolean).join(" · ");
    });
    $("undo").disabled = !state.can_undo;
    $("redo").disabled = !state.can_redo;
    const { done, total } = state.progress;
    $("progress").textContent = state.is_following ? `Following objects: ${done} of at most ${total} slices` : state.trouble ?? "";
    $("cancel").hidden = !state.is_following;
    if (state.has_changed) this.page.told("The file has changed on disk since it was opened: open it anew from the list.", true);
    if (!state.is_following && this.sized !== state.revision && !this.isAsking) this.measure(state.revision);
  }

  add(name) {
    const row = {
      colour: make("input", { type: "color", title: "Colour" }),
      name: make("input", { type: "text", value: name, title: "Name" }),
      undo: make("button", { textContent: "↶", title: "Take back its last prompt" }),
      remove: make("button", { textContent: "✕", title: "Remove the object" }),
      size: make("span", { className: "size soft" }),
    };
    row.item = make("li", {}, row.colour, row.name, row.undo, row.remove, row.size);
    row.item.addEventListener("click", () => this.page.select(name));
    row.name.addEventListener("focus", () => this.page.select(name));
    row.name.addEventListener("change", () => this.rename(name, row.name));
    row.name.addEventListener("keydown", (event) => { if (event.key === "Enter") row.name.blur(); });
    row.colour.addEventListener("change", () => this.page.edit("colour", { name, colour: row.colour.value }));
    row.undo.addEventListener("click", () => {
      const { prompts } = this.page.state().objects.find((each) => each.name === name);
      if (prompts.length) this.page.edit("remove", { name, number: prompts.length - 1 });
    });
    row.remove.addEventListener("click", () => this.page.edit("remove_object", { name }));
    this.rows.set(name, row);
    return row;
  }

  async rename(name, input) {
    const given = input.value.trim();
    if (given === name) return;
    if (await this.page.edit("rename_object", { name, new: given })) this.page.select(given);
    else input.value = name;
  }

  /** Ask for the sizes of what would be saved now. */
  async measure(revision) {
    const { number } = this.page.image();
    this.isAsking = true;
    try {
      const rows = await ask(`/api/images/${number}/table`);
      if (this.page.image()?.number !== number) return;
      this.sizes = Object.fromEntries(rows.map((row) => [row.name, size(row)]));
      this.sized = revision;
    } catch (error) {
      this.page.told(error.message, true);
      this.sized = revision;
    } finally {
      this.isAsking = false;
    }
    this.show();
  }

  // --- saving ---------------------------------------------------------------------------------------------------

  async save() {
    const { number } = this.page.image();
    this.page.told("Saving …");
    try {
      const { folder, files, notices } = await ask(`/api/images/${number}/save`, {});
      this.page.told([`Saved in ${folder}`, ...notices].join(". "), notices.length > 0);
      const links = files.map((file) => make("li", {}, make("a", { href: result(file), download: "", textContent: file })));
      $("saved").replaceChildren(...links);
    } catch (error) {
      this.page.told(error.message, true);
    }
  }

  // --- the image ------------------------------------------------------------------------------------------------

  about() {
    const { name, planes, spacing, intensity, options, is_volume } = this.page.image();
    const first = Object.values(planes)[0];
    const sides = is_volume ? [first.width, first.height, first.depth] : [first.width, first.height];
    const rows = { File: name.split("/").at(-1), Size: `${sides.join(" × ")} ${is_volume ? "voxels" : "pixels"}` };
    if (is_volume) {
      rows.Spacing = spacing ? `${spacing.map((each) => Number(each.toPrecision(4))).join(" × ")} mm` : "not known";
      rows["Network sees"] = intensity;
      rows.Modality = this.choice({ "": "as found", CT: "CT", MR: "MR, PET, other" }, options.modality ?? "", "modality");
      rows.Window = this.choice(this.page.files.windows, options.window, "window");
    } else {
      const input = make("input", { type: "number", min: 0, step: "any", value: options.pixel_spacing ?? "" });
      input.addEventListener("change", () => this.reopen("pixel_spacing", Number(input.value) || null));
      rows["mm a pixel"] = input;
    }
    $("about").replaceChildren(
      ...Object.entries(rows).flatMap(([title, value]) => [make("dt", { textContent: title }), make("dd", {}, value)]),
    );
  }

  choice(values, chosen, option) {
    const select = make("select", { ariaLabel: option }, ...Object.entries(values).map(
      ([value, textContent]) => make("option", { value, textContent, selected: value === chosen }),
    ));
    select.addEventListener("change", () => this.reopen(option, select.value || null));
    return select;
  }

  reopen(option, value) {
    const { name, options } = this.page.image();
    this.page.open(name, { ...options, [option]: value });
  }

  /** Ask for a word or number; null when it was called off. */
  question(text) {
    const dialog = $("question");
    const input = dialog.querySelector("input");
    dialog.querySelector("p").textContent = text;
    input.value = "1";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue ? input.value.trim() : null), { once: true });
    });
  }
}

function size(row) {
  const count = row.voxels ?? row.pixels;
  const unit = row.voxels === undefined ? "px" : "voxels";
  const [measure, name] = row.volume_mm3 === undefined ? [row.area_mm2, "mm²"] : [row.volume_mm3, "mm³"];
  if (measure === undefined) return `${count} ${unit}`;
  return name === "mm³" && measure >= 1000 ? `${(measure / 1000).toFixed(2)} ml` : `${measure.toFixed(1)} ${name}`;
}
