// The command that shows this view again, and a button that copies it.

function render({ model, el }) {
  const code = html("code", { tabindex: 0 }), button = html("button", { type: "button" }, "Copy this view")
  const done = html("span", { role: "status" })
  const show = () => {
    code.textContent = model.get("data").command
    done.textContent = ""
  }
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent)
      done.textContent = "Copied: paste it into a terminal."
    } catch {
      getSelection().selectAllChildren(code)
      done.textContent = "Selected: Ctrl-C copies it."
    }
  })
  model.on("change:data", show)
  show()
  frame(el, "Copy this view", html("div", { class: "control" }, button, done), html("pre", {}, code))
}

export default { render }
