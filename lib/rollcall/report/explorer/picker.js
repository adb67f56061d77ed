// A choice of one of several. Not ipywidgets': in JupyterLab its arrow keys move the notebook.

function render({ model, el }) {
  const { label, options } = model.get("data")
  const choice = html("select", { "aria-label": label }, ...options.map((name) => html("option", {}, name)))
  choice.selectedIndex = model.get("position")
  choice.addEventListener("keydown", (event) => event.stopPropagation())
  choice.addEventListener("change", () => {
    model.set("position", choice.selectedIndex)
    model.save_changes()
  })
  frame(el, `${label}: a choice`, html("label", { class: "control" }, `${label} `, choice))
}

export default { render }
