// The same patients, measured with 8, 16, 32, ... models: the curve and its noise floor.

function render({ model, el }) {
  const data = model.get("data"), { numbers, curves, total, least } = data
  const box = { left: 60, right: 700, top: 28, bottom: 250 }, lowest = Math.max(least * 0.7, 1)
  const x = linear(0.5, 1, box.left, box.right)
  const y = logarithmic(lowest, total, box.bottom, box.top)
  const floorOf = (curve) => curve.chance.map((value) => (value >= lowest ? value : null))
  const picture = drawing(720, 290)
  const excess = svg("path", { class: "above" })
  const floor = svg("path", { class: "line floor" }), line = svg("path", { class: "line estimates" })
  const name = text(box.right, box.top + 4, "", { "text-anchor": "end", class: "strong" })
  const faint = curves.map((curve) =>
    svg("path", { class: "line faint", d: trace(curve.risk, curve.patients, x, y) }))
  const cursor = svg("path", { class: "cursor" })
  picture.append(
    ...faint, excess,
    svg("path", { class: "line true", d: trace(data.true.auc, data.true.patients, x, y) }),
    floor, line, cursor, name,
    axes(box, x, y, {
      xs: [0.5, 0.6, 0.7, 0.8, 0.9, 1], ys: decades(least, total),
      across: "Risk (AUC; 0.5: nothing can be told)", up: `${data.unit}s at or above, log scale`,
    }),
  )
  const sentences = () => model.get("data").sentences
  const { control, sentence, show } = slider(model, "Number of models", data.short, sentences, (at) => {
    const curve = curves[at], by_chance = floorOf(curve), at_threshold = x(model.get("data").threshold)
    const low = curve.chance.map((value) => Math.max(value, lowest))
    line.setAttribute("d", trace(curve.risk, curve.patients, x, y, true))
    floor.setAttribute("d", trace(curve.risk, by_chance, x, y))
    excess.setAttribute("d", band(curve.risk, low, curve.patients, x, y))
    cursor.setAttribute("d", `M${at_threshold} ${box.top}V${box.bottom}`)
    name.textContent = `${numbers[at]} models`
  })
  model.on("change:data", show)
  const marks = key([
    ["estimates", "estimates with so many models"],
    ["floor", "chance: membership redrawn at random, as many models"],
    ["true", "true risks, from all models"],
  ])
  frame(el, "Number of models", control, sentence, picture, marks)
}

export default { render }
