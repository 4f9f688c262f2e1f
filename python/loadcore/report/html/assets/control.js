"use strict";
// Changes the load of the run that the page shows. What is not possible is disabled, and the answer below says why:
// it describes the group and the field, so that it is read out with them.
(() => {
  const box = document.querySelector("#control"), fields = box.querySelector("fieldset"), answer = box.querySelector("#answer");
  const which = box.querySelector("select"), hold = box.querySelector("#hold"), amount = box.querySelector("#amount"), set = box.querySelector("#set");
  const token = new URLSearchParams(location.search).get("token");
  const state = document.querySelector("#state");
  let scenarios = [];
  const chosen = () => scenarios.find(each => each.name === which.value) || scenarios[0];
  const several = () => scenarios.filter(each => each.changes.length).length > 1;
  const name = (element, text) => {
    element.textContent = text;
    if (several()) element.setAttribute("aria-label", `${text} of ${chosen().name}`);
    else element.removeAttribute("aria-label");
  };
  const say = (text, wrong) => {
    answer.textContent = text;
    amount.setAttribute("aria-invalid", String(Boolean(wrong)));
  };
  const end = () => {
    fields.disabled = true;
    say(`${state.textContent}: its load cannot be changed`);
  };
  const now = one => one.paused ? "Paused" : `Now: ${one.level || "as planned"}`;
  const draw = () => {
    const one = chosen(), kind = one && one.changes.find(each => each === "users" || each === "rate");
    fields.disabled = !kind;
    if (!kind) return;
    name(hold, one.paused ? "Resume" : "Pause");
    box.querySelector("#unit").textContent = kind === "users" ? "Users" : "Rate";
    amount.placeholder = kind === "users" ? "200" : "300/s";
    name(set, `Set ${kind}`);
    box.querySelector("#of").hidden = !several();
  };
  const ask = async change => {
    let said;
    try {
      const headers = { "Content-Type": "application/json" };
      const body = JSON.stringify({ change, scenario: change ? chosen().name : null });
      const response = await fetch(`control?token=${encodeURIComponent(token)}`, { method: "POST", headers, body });
      said = response.ok ? await response.json() : { error: (await response.text()).trim() };
    } catch { said = { error: "the page's server has ended" }; }
    // A page opened after the run asks before its first state has come.
    if (said.error && !change && state.textContent === "The run has ended") return end();
    if (said.error) {
      say([said.error, said.hint].filter(Boolean).join(": "), change);
      if (!change) {
        fields.disabled = true;
        // A run that is just starting does not take changes yet.
        if (state.textContent === "Live") setTimeout(() => ask(null), 2000);
      }
      return;
    }
    const before = which.value;
    scenarios = said.scenarios;
    which.replaceChildren(...scenarios.filter(each => each.changes.length).map(each => new Option(each.name)));
    if (before) which.value = before;
    draw();
    say(said.text || (fields.disabled ? "Locust decides the load of this run, so it cannot be changed here" : now(chosen())));
  };
  which.addEventListener("change", () => { draw(); say(now(chosen())); });
  hold.addEventListener("click", () => ask(chosen().paused ? "resume" : "pause"));
  const submit = () => { if (amount.value.trim()) ask(`${set.textContent.slice(4)} ${amount.value.trim()}`); };
  set.addEventListener("click", submit);
  amount.addEventListener("keydown", event => { if (event.key === "Enter") submit(); });
  const ended = new MutationObserver(() => { if (state.textContent !== "Live") end(); });
  ended.observe(state, { childList: true });
  ask(null);
})();
