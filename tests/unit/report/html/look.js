// Looks at a page as a reader does: what overlaps, what is cut off, what cannot be read, what fails.
(async () => {
  const faults = window.faults || [];
  const root = document.documentElement;
  for (let waited = 0; root.dataset.ready !== "yes" && waited < 200; waited++) await new Promise(done => setTimeout(done, 20));
  if (root.dataset.ready !== "yes") faults.push("the page was never ready");
  const channels = text => text.match(/[\d.]+/g).map(Number);
  const light = value => { const share = value / 255; return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4; };
  const luminance = text => { const [r, g, b] = channels(text); return 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b); };
  const contrast = (one, other) => { const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b); return (high + 0.05) / (low + 0.05); };
  const seen = element => { const style = getComputedStyle(element); return style.visibility !== "hidden" && element.getClientRects().length && !element.closest(".unseen, details:not([open]) > :not(summary)"); };
  const background = element => { for (let at = element; at; at = at.parentElement) { const found = getComputedStyle(at).backgroundColor; if (channels(found).length < 4 || channels(found)[3] > 0) return found; } return "rgb(255, 255, 255)"; };

  const look = async theme => {
    root.dataset.theme = theme;
    window.drawn = new Map();
    window.loadcore.show(JSON.parse(window.data));
    await new Promise(done => setTimeout(done, 60));
    const said = text => faults.push(`${theme}: ${text}`);
    const texts = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode, parent = node.parentElement;
      if (!node.textContent.trim() || ["SCRIPT", "STYLE", "NOSCRIPT"].includes(parent.tagName) || !seen(parent)) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const boxes = [...range.getClientRects()].filter(box => box.width > 1 && box.height > 1);
      const scrolled = parent.closest(".scroll, pre");
      for (const box of boxes) {
        texts.push({ text: node.textContent.trim(), box, parent });
        if (!scrolled && (box.left < -1 || box.right > innerWidth + 1)) said(`"${node.textContent.trim()}" leaves the page`);
      }
      const style = getComputedStyle(parent), size = parseFloat(style.fontSize), bold = Number(style.fontWeight) >= 700;
      const ratio = contrast(style.color, background(parent)), least = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
      if (ratio < least) said(`"${node.textContent.trim()}" has a contrast of ${ratio.toFixed(2)}`);
    }
    texts.forEach((one, place) => texts.slice(place + 1).forEach(other => {
      if (one.parent === other.parent) return;
      const wide = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
      const high = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
      const fixed = one.parent.closest("thead") || other.parent.closest("thead");
      if (wide > 2 && high > 4 && !fixed) said(`"${one.text}" overlaps "${other.text}"`);
    }));
    for (const element of document.querySelectorAll("body *")) {
      if (!seen(element) || element.closest(".scroll, svg, pre, .uplot")) continue;
      if (getComputedStyle(element).overflowX === "visible" && element.scrollWidth > element.clientWidth + 1 && element.clientWidth) said(`<${element.tagName.toLowerCase()} class="${element.className}"> is cut off: ${element.scrollWidth} > ${element.clientWidth}`);
    }
    if (root.scrollWidth > innerWidth) said(`the page is ${root.scrollWidth} wide, the window ${innerWidth}`);
    const card = getComputedStyle(document.querySelector(".card")).backgroundColor, probe = document.createElement("span");
    document.body.append(probe);
    for (const name of ["c1", "c2", "c3", "c4", "c5", "c6", "heat-high", "good", "bad", "warning", "quiet"]) {
      probe.style.color = `var(--${name})`;
      const ratio = contrast(getComputedStyle(probe).color, card);
      if (ratio < 3) said(`the colour ${name} has a contrast of ${ratio.toFixed(2)}`);
    }
    probe.remove();
    for (const [canvas, boxes] of window.drawn) {
      if (!canvas.isConnected) continue;
      const where = canvas.closest("figure").dataset.chart;
      boxes.forEach((one, place) => {
        if (one.left < -1 || one.top < -1 || one.right > canvas.width + 1 || one.bottom > canvas.height + 1) said(`${where}: "${one.text}" is cut off`);
        boxes.slice(place + 1).forEach(other => {
          const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left), high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
          if (wide > 1 && high > 2) said(`${where}: "${one.text}" overlaps "${other.text}"`);
        });
      });
    }
    for (const plot of window.loadcore.plots()) {
      const { width, height } = plot.ctx.canvas, pixels = new Uint32Array(plot.ctx.getImageData(0, 0, width, height).data.buffer);
      if (new Set(pixels.filter((_, place) => place % 7 === 0)).size < 3) said(`${plot.key} is empty`);
    }
  };
  for (const theme of ["light", "dark"]) await look(theme);

  // Keys move the cursor, a heading sorts, and each chart has a table.
  const plot = document.querySelector('[data-chart="response"] .plot');
  plot.dispatchEvent(new KeyboardEvent("keydown", { key: "End" }));
  const spoken = document.querySelector("#spoken").textContent;
  const twins = {};
  for (const figure of document.querySelectorAll("figure.chart")) {
    const twin = figure.querySelector("details.twin");
    twin.open = true;
    twin.dispatchEvent(new Event("toggle"));
    twins[figure.dataset.chart] = [...twin.querySelectorAll("tr")].map(row => [...row.cells].map(cell => cell.textContent));
  }
  const sorted = [];
  const heading = document.querySelectorAll("#table-steps thead th button")[1];
  if (heading) {
    heading.click();
    sorted.push(document.querySelectorAll("#table-steps thead th")[1].getAttribute("aria-sort"), ...[...document.querySelectorAll("#table-steps tbody tr")].map(row => row.cells[0].textContent));
  }
  const violations = [];
  if (window.axe) {
    for (const theme of ["light", "dark"]) {
      root.dataset.theme = theme;
      const found = await axe.run(document, { resultTypes: ["violations"] });
      violations.push(...found.violations.map(each => `${theme}: ${each.impact}: ${each.id}: ${each.nodes.slice(0, 3).map(node => node.html.slice(0, 160)).join(" | ")}`));
    }
  }
  const result = document.createElement("pre");
  result.id = "looked";
  result.textContent = JSON.stringify({ faults, spoken, twins, sorted, violations });
  document.body.replaceChildren(result);
  document.documentElement.dataset.looked = "yes";
})();
