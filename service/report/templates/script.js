"use strict";
(() => {
  document.documentElement.classList.remove("no-script");

  const press = (buttons, chosen) => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button === chosen));
  };

  // One of several blocks is shown: the funnel of one source.
  for (const group of document.querySelectorAll("[data-switch]")) {
    const buttons = [...group.querySelectorAll("button")];
    const blocks = [...document.querySelectorAll(`[data-block="${group.dataset.switch}"]`)];
    const show = (index) => {
      press(buttons, buttons[index]);
      blocks.forEach((block, position) => { block.hidden = position !== index; });
    };
    buttons.forEach((button, index) => button.addEventListener("click", () => show(index)));
    show(0);
  }

  // Samples by verdict.
  for (const group of document.querySelectorAll("[data-filter]")) {
    const buttons = [...group.querySelectorAll("button")];
    const items = [...group.closest("section").querySelectorAll("[data-tags]")];
    for (const button of buttons) {
      button.addEventListener("click", () => {
        press(buttons, button);
        const tag = button.dataset.tag;
        for (const item of items) item.hidden = tag !== "" && !item.dataset.tags.split(" ").includes(tag);
      });
    }
  }

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // A page opened from a file may not have the clipboard.
      const field = document.createElement("textarea");
      field.value = text;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
  };
  for (const button of document.querySelectorAll("[data-copy], [data-copy-from]")) {
    button.addEventListener("click", async () => {
      const source = button.dataset.copyFrom;
      await copy(source ? document.getElementById(source).textContent : button.dataset.copy);
      button.classList.add("copied");
      setTimeout(() => button.classList.remove("copied"), 900);
    });
  }
})();
