// A threshold on the survival curve, and the groups of those above it.

function render({ model, el }) {
  const data = model.get("data"), { steps, total, least } = data
  if (!steps.risk.length) return frame(el, "Threshold", html("p", {}, "Too few to draw a curve."))
  const box = { left: 60, right: 700, top: 28, bottom: 250 }
  const x = linear(0.5, 1, box.left, box.right)
  const lowest = Math.max(least * 0.7, 1), y = logarithmic(lowest, total, box.bottom, box.top)
  const floor = steps.chance.map((value) => (value >= lowest ? value : null))
  const picture = drawing(720, 290)
  const above = svg("path", { class: "above" })
  const line = svg("path", { class: "cursor" })
  const dots = [svg("circle", { r: 5, class: "estimates" }), svg("circle", { r: 5, class: "floor" })]
  const counts = [text(0, 0, "", { class: "strong" }), text(0, 0, "", { class: "of-floor" })]
  picture.append(
    above,
    svg("path", { class: "band", d: band(steps.risk, steps.low, steps.high, x, y) }),
    svg("path", { class: "line true", d: trace(steps.risk, steps.true, x, y) }),
    svg("path", { class: "line floor", d: trace(steps.risk, floor, x, y) }),
    svg("path", { class: "line estimates", d: trace(steps.risk, steps.patients, x, y, true) }),
    axes(box, x, y, {
      xs: [0.5, 0.6, 0.7, 0.8, 0.9, 1], ys: decades(least, total),
      across: "Risk (AUC; 0.5: nothing can be told)", up: `${data.unit}s at or above, log scale`,
    }),
    line, ...dots, ...counts,
  )

  const forest = groups(data)
  const { control, sentence, show } = slider(model, "Threshold", data.short, () => data.sentences, (at) => {
    const left = x(steps.risk[at])
    const heights = [y(steps.patients[at]), y(Math.max(steps.chance[at], lowest))]
    const by_chance = steps.chance.map((value) => Math.max(value, lowest))
    above.setAttribute("d", band(...[steps.risk, by_chance, steps.patients].map((all) => all.slice(at)), x, y))
    line.setAttribute("d", `M${left} ${box.top}V${box.bottom}`)
    const flip = left > 540
    ;[[steps.patients[at], ""], [steps.chance[at], " by chance"]].forEach(([count, words], i) => {
      dots[i].setAttribute("cx", left)
      dots[i].setAttribute("cy", heights[i])
      counts[i].setAttribute("x", left + (flip ? -9 : 9))
      counts[i].setAttribute("y", heights[i] + (i && heights[i] < box.bottom - 24 ? 18 : -8))
      counts[i].setAttribute("text-anchor", flip ? "end" : "start")
      counts[i].textContent = `${Math.round(count).toLocaleString("en")}${words}`
    })
    forest.show(data.cut_of[at])
  })
  forest.changed(() => show())
  const marks = key([
    ["estimates", `estimates of ${total.toLocaleString("en")} ${data.unit}s`],
    ["true", "true risks, noise taken out, with their 95% band"],
    ["floor", "chance: membership redrawn at random"],
  ])
  frame(el, "Threshold on the survival curve", control, sentence, picture, marks, forest.element)
}

// The groups among those above, at the nearest cutoff at which groups are counted.
function groups(data) {
  const names = Object.keys(data.groups)
  if (!names.length || !data.cuts.length) {
    const none = "Groups have not been compared in this run, or are too small: 3_disparity compares them."
    return { element: html("p", { class: "note" }, none), show() {}, changed() {} }
  }
  const choice = html("select", {}, ...names.map((name) => html("option", { value: name }, name)))
  choice.addEventListener("keydown", (event) => event.stopPropagation())
  const caption = html("p", { class: "note", "aria-live": "polite" })
  const all = names.flatMap((name) => data.groups[name].flat())
  const limits = all.flatMap((row) => [row.low, row.high]).filter((value) => value > 0)
  const from = clamp(Math.min(...limits, 0.5), 0.05, 0.5), to = clamp(Math.max(...limits, 2), 2, 50)
  const x = logarithmic(from, to, 300, 476), kept = (value) => x(clamp(value, from, to))
  const holder = html("div")
  let drawn = ""
  const show = (cut) => {
    if (drawn === `${choice.value} ${cut}`) return
    drawn = `${choice.value} ${cut}`
    const rows = data.groups[choice.value][cut], height = 46 + 22 * rows.length
    caption.textContent = `Groups among ${data.cuts[cut]}, the nearest number at which groups are counted.`
    const picture = drawing(720, height)
    picture.append(
      svg("path", { class: "one", d: `M${x(1)} 24V${height - 20}` }),
      text(288, 14, "group", { "text-anchor": "end", class: "head" }),
      text(388, 14, "times as likely as others", { "text-anchor": "middle", class: "head" }),
      text(492, 14, "among them", { class: "head" }), text(600, 14, "ratio (95%)", { class: "head" }),
    )
    rows.forEach((row, i) => {
      const middle = 34 + 22 * i
      picture.append(text(288, middle + 4, shorten(row.name, 44), { "text-anchor": "end" }))
      const [low, high] = row.floor
      if (low != null && high != null)
        picture.append(svg("rect", { class: "chance", x: kept(low), y: middle - 7, height: 14,
          width: Math.max(kept(high) - kept(low), 1) }))
      if (row.ratio != null) {
        const away = row.low > 1 || row.high < 1 ? "away" : "near"
        picture.append(svg("path", { class: `whisker ${away}`, d: `M${kept(row.low)} ${middle}H${kept(row.high)}` }))
        picture.append(svg("circle", { class: away, r: 4.5, cx: kept(row.ratio), cy: middle }))
      }
      picture.append(text(492, middle + 4, row.inside), text(600, middle + 4, row.times))
    })
    for (const tick of [0.1, 0.5, 1, 2, 5, 10, 50].filter((tick) => tick >= from && tick <= to))
      picture.append(text(x(tick), height - 6, plain(tick), { "text-anchor": "middle", class: "tick" }))
    holder.replaceChildren(picture, table(rows))
  }
  const note = html("p", { class: "note" }, `Grey: where 95% of the ratios lie if nothing leaks. ${data.hidden}.`)
  const label = html("label", { class: "control" }, "Groups ", choice)
  return {
    element: html("div", {}, label, caption, holder, note), show,
    changed: (again) => choice.addEventListener("change", again),
  }
}

// The same for those who do not see it.
function table(rows) {
  const line = (cell, words) => html("tr", {}, ...words.map((word) => html(cell, {}, word)))
  const body = rows.map((row) => line("td", [row.name, row.inside, row.times]))
  return html("table", { class: "unseen" }, line("th", ["group", "among them", "ratio (95% interval)"]), ...body)
}

export default { render }
