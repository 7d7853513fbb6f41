(() => {
  // Codes become names by the browser's own list; a code that it does not know stays as it is.
  let names = null;
  try { names = new Intl.DisplayNames(["en"], { type: "language", fallback: "none" }); } catch { /* an old browser shows codes */ }
  const named = (code) => {
    try { return names && code !== "und" ? names.of(code) : undefined; } catch { return undefined; }
  };
  for (const item of document.querySelectorAll(".lang")) {
    const name = named(item.dataset.code);
    if (!name) continue;
    item.title = name;
    if (!item.closest(".heat tbody th")) continue;
    const beside = document.createElement("span");
    beside.className = "name";
    beside.textContent = name;
    item.after(beside);
  }
  for (const option of document.querySelectorAll("option[data-code]")) {
    const name = named(option.dataset.code);
    if (name) option.textContent = `${name}, ${option.textContent}`;
  }
  for (const mark of document.querySelectorAll(".sample mark[title]")) {
    const [code, severity] = mark.title.split(", ");
    const name = named(code);
    mark.dataset.lang = code;
    if (name) mark.title = `${name} (${code}), ${severity}`;
  }

  const section = document.getElementById("samples");
  if (!section) return;
  const items = [...section.querySelectorAll(".sample")];
  const texts = items.map((item) => [...item.querySelectorAll(".text")].map((text) => text.textContent).join("\n").toLowerCase());
  const selects = [...section.querySelectorAll("select[data-by]")];
  const search = section.querySelector("[data-search]");
  const counter = section.querySelector("[data-count]");
  const none = section.querySelector(".none");
  const filter = () => {
    const wanted = search.value.trim().toLowerCase();
    let shown = 0;
    items.forEach((item, place) => {
      const fits = selects.every((select) => select.value === "" || item.dataset[select.dataset.by] === select.value) && texts[place].includes(wanted);
      item.hidden = !fits;
      shown += fits;
    });
    counter.textContent = shown === items.length ? `${shown} samples` : `${shown} of ${items.length} samples`;
    none.hidden = shown > 0;
  };
  for (const select of selects) select.addEventListener("change", filter);
  search.addEventListener("input", filter);
})();
