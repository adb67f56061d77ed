// Two runs of the same patients: how many of one's top are in the other's, and by chance.

function render({ model, el }) {
  const data = model.get("data"), { steps, total, names } = data
  const exposed = html("div", {}, html("p", { class: "sentence" }, data.exposed.sentence), twoByTwo(names, data.exposed.table, "exposed"))
  if (!steps.first.length) return frame(el, "Two runs", exposed, html("p", { class: "note" }, "Too few patients to compare tops."))
  const box = { left: 60, right: 400, top: 28, bottom: 240 }, count = steps.first
  const x = logarithmic(count[0], Math.max(count.at(-1), count[0] * 2), box.left, box.right)
  const y = linear(0, 1, box.bottom, box.top), share = (values) => values.map((value, i) => value / count[i])
  const ticks = decades(count[0], count.at(-1))
  const picture = drawing(410, 280), line = svg("path", { class: "cursor" }), dot = svg("circle", { r: 5, class: "estimates" })
  picture.append(
    svg("path", { class: "chance", d: band(count, share(steps.low), share(steps.high), x, y) }),
    svg("path", { class: "line floor", d: trace(count, share(steps.chance), x, y) }),
    svg("path", { class: "line estimates", d: trace(count, share(steps.both), x, y) }),
    axes(box, x, y, { xs: ticks.length > 1 ? ticks : [count[0], count.at(-1)], ys: [0, 0.5, 1],
      across: `${data.unit}s at the top of either run, of ${total.toLocaleString("en")}`, up: "share of them in both" }),
    line, dot,
  )
  const cells = html("div")
  const { control, sentence } = slider(model, "Patients at the top", data.short, () => data.sentences, (at) => {
    line.setAttribute("d", `M${x(count[at])} ${box.top}V${box.bottom}`)
    dot.setAttribute("cx", x(count[at]))
    dot.setAttribute("cy", y(steps.both[at] / count[at]))
    cells.replaceChildren(twoByTwo(names, data.tables[at], "at the top"))
  })
  const marks = key([["estimates", "in both runs"], ["floor", "expected if the runs had nothing in common, with 95% band"]])
  const side = html("div", { class: "beside" }, html("div", {}, picture, marks), cells)
  frame(el, "Two runs", exposed, control, sentence, side)
}

function twoByTwo([one, two], [[both, first], [second, neither]], word) {
  const cell = (tag, words, more = {}) => html(tag, more, words)
  const row = (head, ...words) => html("tr", {}, cell("th", head, { scope: "row" }), ...words.map((each) => cell("td", each)))
  return html("table", { class: "cells" },
    html("tr", {}, html("td"), cell("th", `${word} in ${two}`, { scope: "col" }), cell("th", "not", { scope: "col" })),
    row(`${word} in ${one}`, both, first), row("not", second, neither))
}

export default { render }
