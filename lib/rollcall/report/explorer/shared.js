// What every picture of the explorer is made of: svg, scales, axes, a slider with its sentence.
// Put before each of the other files. Colours are names of look.css.

const SVG = "http://www.w3.org/2000/svg"

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  node.append(...children)
  return node
}

function html(tag, attributes = {}, ...children) {
  const node = document.createElement(tag)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  node.append(...children)
  return node
}

const linear = (from, to, a, b) => (value) => a + ((value - from) / (to - from)) * (b - a)
const logarithmic = (from, to, a, b) => {
  const scale = linear(Math.log(from), Math.log(to), a, b)
  return (value) => scale(Math.log(value))
}
const clamp = (value, low, high) => Math.max(low, Math.min(high, value))
const plain = (value) => value.toLocaleString("en", { maximumSignificantDigits: 3 })

const shorten = (words, most) => (words.length > most ? `${words.slice(0, most - 1)}…` : words)

function decades(from, to) {
  const ticks = []
  for (let tick = 10 ** Math.ceil(Math.log10(from) - 1e-9); tick <= to * 1.0001; tick *= 10)
    ticks.push(tick)
  return ticks
}

// A path through points; those that are not numbers are left out.
function trace(xs, ys, x, y, stepped = false) {
  let words = "", last = null
  xs.forEach((value, i) => {
    if (value == null || ys[i] == null) return
    const [a, b] = [x(value).toFixed(1), y(ys[i]).toFixed(1)]
    words += last === null ? `M${a} ${b}` : stepped ? `V${b}H${a}` : `L${a} ${b}`
    last = b
  })
  return words
}

function band(xs, lows, highs, x, y) {
  const kept = xs.map((_, i) => i).filter((i) => lows[i] != null && highs[i] != null)
  if (!kept.length) return ""
  const up = kept.map((i) => `${x(xs[i]).toFixed(1)} ${y(highs[i]).toFixed(1)}`)
  const down = kept.reverse().map((i) => `${x(xs[i]).toFixed(1)} ${y(lows[i]).toFixed(1)}`)
  return `M${up.join("L")}L${down.join("L")}Z`
}

function text(x, y, words, attributes = {}) {
  return svg("text", { x, y, ...attributes }, words)
}

// A drawing of width x height; its text is for those who see it: the sentence below says the same.
function drawing(width, height) {
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" })
}

function axes(box, x, y, { xs, ys, across, up, write = plain }) {
  const group = svg("g", { class: "axes" })
  group.append(svg("path", { d: `M${box.left} ${box.top}V${box.bottom}H${box.right}` }))
  for (const tick of xs) {
    group.append(svg("path", { d: `M${x(tick)} ${box.bottom}v4` }))
    group.append(text(x(tick), box.bottom + 16, write(tick), { "text-anchor": "middle" }))
  }
  for (const tick of ys) {
    group.append(svg("path", { d: `M${box.left} ${y(tick)}h-4` }))
    group.append(text(box.left - 7, y(tick) + 4, plain(tick), { "text-anchor": "end" }))
  }
  const middle = (box.left + box.right) / 2
  group.append(text(middle, box.bottom + 34, across, { "text-anchor": "middle" }))
  group.append(text(box.left - 44, box.top - 10, up))
  return group
}

let numbered = 0

// A slider over the positions of `short`; calls move(position), and tells the kernel at its end.
function slider(model, name, short, sentences, move) {
  const id = `rollcall-${Date.now()}-${(numbered += 1)}`
  const range = html("input", { type: "range", min: 0, max: short.length - 1, step: 1, id })
  const value = html("output", { for: id })
  const sentence = html("p", { "aria-live": "polite", class: "sentence" })
  const show = () => {
    const at = Number(range.value)
    range.setAttribute("aria-valuetext", short[at])
    value.textContent = short[at]
    sentence.textContent = sentences()[at]
    move(at)
  }
  range.value = clamp(model.get("position"), 0, short.length - 1)
  range.disabled = short.length < 2
  range.addEventListener("input", show)
  range.addEventListener("change", () => {
    model.set("position", Number(range.value))
    model.save_changes()
  })
  model.on("change:position", () => {
    if (Number(range.value) === model.get("position")) return
    range.value = clamp(model.get("position"), 0, short.length - 1)
    show()
  })
  // In JupyterLab the arrow keys are the notebook's unless the slider keeps them.
  range.addEventListener("keydown", (event) => event.stopPropagation())
  show()
  const label = html("label", { for: id }, name)
  return { control: html("div", { class: "control" }, label, range, value), sentence, show }
}

function key(entries) {
  const list = html("ul", { class: "key" })
  for (const [name, words] of entries)
    list.append(html("li", {}, html("span", { class: `mark ${name}`, "aria-hidden": "true" }), words))
  return list
}

function frame(el, label, ...parts) {
  el.replaceChildren(html("section", { class: "rollcall", "aria-label": label }, ...parts))
}
