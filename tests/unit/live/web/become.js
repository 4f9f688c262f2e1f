// Hands a page its next state, and looks at what has become of it.
(async () => {
  const wait = () => new Promise(done => setTimeout(done, 50));
  while (document.documentElement.dataset.ready !== "yes") await wait();
  document.querySelectorAll("#table-steps thead th button")[0].click();
  document.querySelector("#chart-rate details").open = true;
  document.querySelector("#chart-rate .plot").focus();
  const order = () => [...document.querySelectorAll("#table-steps tbody tr")].map(row => row.cells[0].textContent);
  const sorted = order();
  window.source.dispatchEvent(new MessageEvent("state", { data: STATE }));
  await wait();
  const text = within => within.querySelector("main").cloneNode(true);
  const plain = main => { main.querySelectorAll(".plot, .legend, .twin, table, noscript").forEach(each => each.remove()); return main.textContent.replace(/\s+/g, ""); };
  const fresh = new DOMParser().parseFromString(`<main>${JSON.parse(STATE).html}</main>`, "text/html");
  const cells = within => [...within.querySelectorAll("main table.grid tbody tr")].map(row => row.textContent.replace(/\s+/g, " ").trim()).sort();
  const result = {
    same: plain(text(document)) === plain(text(fresh)), now: plain(text(document)), fresh: plain(text(fresh)),
    cells: JSON.stringify(cells(document)) === JSON.stringify(cells(fresh)),
    sorted, order: order(), open: document.querySelector("#chart-rate details").open,
    rows: document.querySelectorAll("#chart-rate details tbody tr").length,
    focus: document.activeElement.className, plots: window.loadcore.plots().length, figures: document.querySelectorAll("figure.chart").length,
    title: document.title, state: document.querySelector("#state").textContent, closed: window.source.closed === true, faults: window.faults,
  };
  const pre = document.createElement("pre");
  pre.id = "looked";
  pre.textContent = JSON.stringify(result);
  document.body.replaceChildren(pre);
})();
