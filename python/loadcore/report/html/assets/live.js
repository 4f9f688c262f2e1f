"use strict";
// Keeps a page up to date while its run lasts. What a reader has open, sorted or focused stays as it is.
(() => {
  const kept = ".plot, .legend, .twin > .scroll, #copied";
  const keyOf = node => (node.nodeType === Node.ELEMENT_NODE ? node.dataset.key || node.dataset.chart || node.id : "");
  const patch = (now, next) => {
    if (now.nodeType === Node.TEXT_NODE) { if (now.data !== next.data) now.data = next.data; return; }
    if (now.nodeType !== Node.ELEMENT_NODE || now.matches(kept)) return;
    for (const { name, value } of next.attributes) if (now.getAttribute(name) !== value) now.setAttribute(name, value);
    for (const { name } of [...now.attributes]) if (!next.hasAttribute(name) && !["open", "aria-sort", "data-prepared"].includes(name)) now.removeAttribute(name);
    // A heading that sorts is a button by now.
    if (now.tagName === "TH" && now.firstElementChild?.tagName === "BUTTON") return;
    const olds = [...now.childNodes], news = [...next.childNodes];
    if (now.tagName === "TBODY" || olds.some(keyOf)) return byKey(now, olds, news);
    olds.slice(news.length).forEach(each => each.remove());
    news.forEach((each, place) => {
      const old = olds[place];
      if (!old) now.append(each.cloneNode(true));
      else if (old.nodeName !== each.nodeName) old.replaceWith(each.cloneNode(true));
      else patch(old, each);
    });
  };
  // Rows and charts are found again by their names, wherever they are by now.
  const byKey = (now, olds, news) => {
    const known = new Map(olds.filter(keyOf).map(each => [keyOf(each), each]));
    const wanted = news.filter(each => each.nodeType === Node.ELEMENT_NODE);
    const plain = olds.filter(each => each.nodeType === Node.ELEMENT_NODE && !keyOf(each));
    const names = new Set(wanted.map(keyOf).filter(Boolean));
    for (const [name, old] of known) if (!names.has(name)) old.remove();
    wanted.forEach((each, place) => {
      const old = keyOf(each) ? known.get(keyOf(each)) : plain.find(other => other.nodeName === each.nodeName && !other.done);
      const fits = old && old.nodeName === each.nodeName, node = fits ? old : each.cloneNode(true);
      if (fits) patch(old, each);
      node.done = true;
      // A table may be sorted by now; everything else has the order of the page.
      if (!fits && now.tagName === "TBODY") now.append(node);
      else if (now.tagName !== "TBODY" && now.children[place] !== node) now.insertBefore(node, now.children[place] || null);
    });
    plain.forEach(each => { if (!each.done) each.remove(); });
    for (const each of now.children) delete each.done;
  };

  const state = document.querySelector("#state"), spoken = document.querySelector("#spoken");
  const SPEAK_EVERY_MS = 10000;
  let last = 0, word = "";
  const speak = () => {
    const now = document.querySelector("#verdict strong").textContent, broke = document.querySelector("#broke").textContent.trim();
    const said = now + broke;
    if (said === word || (word && Date.now() - last < SPEAK_EVERY_MS && now === word.slice(0, now.length))) return;
    [last, word] = [Date.now(), said];
    spoken.textContent = `${now}. ${broke}`;
  };
  const token = new URLSearchParams(location.search).get("token");
  const source = new EventSource(`events?token=${encodeURIComponent(token)}`);
  source.addEventListener("state", event => {
    const { html, data } = JSON.parse(event.data);
    const next = new DOMParser().parseFromString(`<main>${html}</main>`, "text/html");
    patch(document.querySelector("main"), next.querySelector("main"));
    window.loadcore.prepare();
    window.loadcore.show(data);
    const verdict = document.querySelector("#verdict strong").textContent;
    const running = verdict === "STILL RUNNING";
    document.title = `${document.querySelector("h1").textContent}: ${verdict}`;
    state.textContent = running ? "Live" : "The run has ended";
    speak();
    if (!running) source.close();
  });
  source.onerror = () => { state.textContent = source.readyState === EventSource.CLOSED ? "The page's server has ended" : "Connecting again"; };
})();
