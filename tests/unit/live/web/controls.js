// In place of the run that the control box asks, and a look at what the box has become.
window.fetch = async () => ({ ok: true, json: async () => SAID });
addEventListener("DOMContentLoaded", () => setTimeout(() => {
  // It floats above the page, over whatever a window's height puts there.
  const box = document.querySelector("#control"), labelled = [...box.querySelectorAll("button, input, select")].filter(each => each.checkVisibility());
  const named = each => each.getAttribute("aria-label") || [...(each.labels || [])].map(label => label.firstElementChild.matches("span") ? label.firstElementChild.textContent : label.firstChild.textContent.trim()).join() || each.textContent;
  const group = box.querySelector("fieldset");
  const became = {
    names: labelled.map(named),
    disabled: labelled.filter(each => each.matches(":disabled")).length === labelled.length,
    because: document.getElementById(group.getAttribute("aria-describedby")).textContent,
  };
  if (JSON.stringify(became) !== JSON.stringify(EXPECTED)) window.faults.push(`the controls are ${JSON.stringify(became)}`);
}));
