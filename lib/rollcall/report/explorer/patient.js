// One patient: scores in and out of each record with LiRA's two Gaussians, and the risk they make.

function render({ model, el }) {
  const data = model.get("data"), { numbers, names, scores, members } = data
  const row = 44, top = 26, box = { left: 210, right: 560 }
  const height = top + row * names.length + 34
  const x = linear(-3.5, 3.5, box.left, box.right), inside = (value) => clamp(x(value), box.left, box.right)
  const strips = drawing(720, height), moving = svg("g")
  strips.append(
    text(box.left, 14, "score under each model, in standard deviations", { class: "head" }),
    text(580, 14, "risk (AUC)", { class: "head" }), moving,
    svg("g", { class: "axes" }, svg("path", { d: `M${box.left} ${height - 28}H${box.right}` }),
      ...[-3, -2, -1, 0, 1, 2, 3].map((tick) => text(x(tick), height - 12, tick, { "text-anchor": "middle" }))),
  )
  const sums = sum(data)
  const { control, sentence } = slider(model, "Number of models", data.short, () => data.sentences, (at) => {
    moving.replaceChildren()
    data.gaussians[at].forEach((fit, i) => {
      const base = top + row * (i + 1) - 10
      const tallest = 0.4 / Math.max(Math.min(fit.sd_in, fit.sd_out), 0.12)
      const up = (value) => base - (value / tallest) * (row - 16)
      for (const [kind, mean, sd] of [["out", fit.mean_out, fit.sd_out], ["in", fit.mean_in, fit.sd_in]]) {
        const width = Math.max(sd, 0.12), points = Array.from({ length: 61 }, (_, k) => mean + width * (k / 7.5 - 4)).filter((z) => Math.abs(z) < 3.5)
        const density = points.map((z) => (0.4 / width) * Math.exp(-(((z - mean) / width) ** 2) / 2))
        moving.append(svg("path", { class: `gauss ${kind}`, d: trace(points, density, x, up) }))
      }
      for (let m = 0; m < numbers[at]; m += 1) {
        const left = inside(scores[i][m]).toFixed(1)
        const [from, length, kind] = members[m] ? [base + 1, 5, "in"] : [base + 6, 5, "out"]
        moving.append(svg("path", { class: `tick ${kind}`, d: `M${left} ${from}v${length}` }))
      }
      moving.append(
        text(box.left - 8, base - 6, shorten(names[i], 32), { "text-anchor": "end", class: i ? "" : "strong" }),
        text(580, base - 6, i ? write(fit) : "", {}),
      )
      if (!i) {
        const joint = data.measured[at][0]
        moving.append(text(580, base - 6, write(joint), { class: "strong" }))
      }
    })
    sums.show(at)
  })
  const marks = key([["in", "models that had the patient"], ["out", "models that had not"]])
  const parts = [control, sentence, strips, marks, sums.picture, html("p", { class: "note" }, sums.note)]
  if (data.left_out > 0 && names.length > 1) parts.push(html("p", { class: "note" }, `${data.left_out} further records are not drawn.`))
  if (names.length === 1) parts.push(html("p", { class: "note" }, "Each record has a score for each of several labels: they are drawn together."))
  frame(el, "One patient", ...parts)
}

const write = (row) => {
  const interval = row.low == null ? "" : ` (${row.low.toFixed(2)} to ${row.high.toFixed(2)})`
  return `${row.auc.toFixed(2)}${interval}`
}

// Left: the risk by number of models. Right: the three definitions at the number chosen.
function sum({ measured, numbers }) {
  const left = { left: 60, right: 330, top: 28, bottom: 170 }, right = { left: 440, right: 580 }
  const at = linear(0, Math.max(numbers.length - 1, 1), left.left + 30, left.right - 30)
  const y = linear(0, 1, left.bottom, left.top), x = linear(0, 1, right.left, right.right)
  const picture = drawing(720, 210), moving = svg("g"), chosen = svg("path", { class: "cursor" })
  const joint = measured.map((rows) => rows[0]), places = numbers.map((_, i) => i)
  picture.append(
    svg("path", { class: "chance", d: band(places, joint.map((r) => r.floor_low), joint.map((r) => r.floor_high), at, y) }),
    chosen, axes(left, at, y, { xs: places, ys: [0, 0.5, 1], across: "number of models", up: "risk (AUC)", write: (i) => numbers[i] }),
    svg("path", { class: "line estimates", d: trace(places, joint.map((r) => r.auc), at, y) }),
    ...joint.flatMap((r, i) => [
      svg("path", { class: "whisker away", d: `M${at(i)} ${y(r.low)}V${y(r.high)}` }),
      svg("circle", { class: "away", r: 4, cx: at(i), cy: y(r.auc) }),
    ]),
    text(right.left - 90, 18, "three definitions, with these models"), moving,
    svg("g", { class: "axes" }, svg("path", { d: `M${right.left} 140H${right.right}` }),
      ...[0, 0.5, 1].map((tick) => text(x(tick), 156, tick, { "text-anchor": "middle" }))),
  )
  const show = (number) => {
    chosen.setAttribute("d", `M${at(number)} ${left.top}V${left.bottom}`)
    moving.replaceChildren()
    measured[number].forEach((r, i) => {
      const middle = 48 + 34 * i
      moving.append(text(right.left - 12, middle + 4, r.definition, { "text-anchor": "end" }))
      if (r.floor_low != null)
        moving.append(svg("rect", { class: "chance", x: x(r.floor_low), y: middle - 8, height: 16,
          width: Math.max(x(r.floor_high) - x(r.floor_low), 1) }))
      if (r.low != null)
        moving.append(svg("path", { class: "whisker away", d: `M${x(r.low)} ${middle}H${x(r.high)}` }))
      moving.append(svg("circle", { class: "away", r: 4.5, cx: x(r.auc), cy: middle }),
        text(right.right + 12, middle + 4, r.low == null ? `${write(r)}, no interval` : write(r)))
    })
  }
  const note = "Grey: where 19 in 20 such numbers lie if nothing leaks. In brackets: 95% intervals. Joint: one statistic of all records; mean and max: of the records' risks. The maximum is biased upwards and has no interval."
  return { picture, show, note }
}

export default { render }
