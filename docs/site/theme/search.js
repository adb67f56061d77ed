// Search in the texts of search-index.js: every word must be there; titles come before texts.
const root = document.documentElement.dataset.root;
const field = document.getElementById("search");
const list = document.getElementById("matches");
const most = 12;

function find(query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  const found = new Map();
  for (const [path, title, text] of window.SITE_TEXTS) {
    const head = title.toLowerCase();
    const all = `${head} ${text.toLowerCase()}`;
    if (!words.every((word) => all.includes(word))) continue;
    const weight = words.filter((word) => head.includes(word)).length;
    if (!found.has(title) || found.get(title).weight < weight) found.set(title, { path, title, weight });
  }
  return [...found.values()].sort((a, b) => b.weight - a.weight).slice(0, most);
}

function show() {
  const matches = find(field.value);
  list.replaceChildren(
    ...matches.map(({ path, title }) => {
      const link = Object.assign(document.createElement("a"), { href: root + path, textContent: title });
      const item = document.createElement("li");
      item.append(link);
      return item;
    }),
  );
  if (field.value.trim() && !matches.length) {
    list.replaceChildren(Object.assign(document.createElement("li"), { textContent: "Nothing found" }));
  }
}

field.addEventListener("input", show);
field.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    field.value = "";
    show();
  }
});
field.parentElement.hidden = false;
// On a small screen the list of pages starts folded.
if (matchMedia("(max-width: 900px)").matches) document.querySelector(".fold").open = false;
