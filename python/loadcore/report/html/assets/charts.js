"use strict";
// Draws the charts of a page, makes their tables, and sorts those that are there. The page is whole without it, but for both.
(() => {
  const root = document.documentElement;
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const make = (name, text = "", attributes = {}) => {
    const element = document.createElement(name);
    element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };

  // Numbers, as the report's text has them.
  const three = value => (value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0));
  const grouped = value => Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, "\u2009");
  const clock = seconds => {
    const whole = Math.floor(seconds), two = value => String(value).padStart(2, "0");
    const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
    return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
  };
  const told = {
    us: value => (value < 1 ? "<1µs" : value < 999.5 ? `${Math.round(value)}µs` : value < 999500 ? `${three(value / 1e3)}ms` : `${three(value / 1e6)}s`),
    per_s: value => (value === 0 ? "0" : value < 0.005 ? "<0.01" : value >= 99.95 ? grouped(value) : three(value)) + "/s",
    count: value => (value === Math.round(value) || value >= 99.95 ? grouped(value) : three(value)),
    ratio: value => `${(value * 100).toFixed(1)}%`,
    cores: value => value.toFixed(2),
  };
  const tell = (unit, value) => (value === null || value === undefined ? "-" : told[unit](value));
  // On an axis there are round numbers: without digits that say nothing.
  const axisText = (unit, value) => (value === 0 ? "0" : tell(unit, value).replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "").replace("/s", ""));

  // Colours of the page, as the canvas takes them.
  const probe = make("span", "", { class: "unseen", "aria-hidden": "true" });
  const colour = name => {
    if (!probe.isConnected) document.body.append(probe);
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const channels = text => text.match(/[\d.]+/g).slice(0, 3).map(Number);
  const dashes = { solid: [], dashed: [9, 4], dotted: [2, 4], dashdot: [11, 4, 2, 4], area: [], bars: [] };

  // Areas have a pattern each, so that they can be told without their colour.
  const tile = (name, index) => {
    const size = 8 * devicePixelRatio, canvas = make("canvas");
    canvas.width = canvas.height = size;
    const pen = canvas.getContext("2d");
    pen.fillStyle = colour("card");
    pen.fillRect(0, 0, size, size);
    pen.strokeStyle = pen.fillStyle = colour(name);
    pen.globalAlpha = index === 0 ? 0.3 : 0.22;
    pen.fillRect(0, 0, size, size);
    pen.globalAlpha = 0.9;
    pen.lineWidth = 1.2 * devicePixelRatio;
    pen.beginPath();
    const lines = [[], [[0, 1, 1, 0], [-0.5, 0.5, 0.5, -0.5], [0.5, 1.5, 1.5, 0.5]], [], [[0, 0, 1, 1], [-0.5, 0.5, 0.5, 1.5], [0.5, -0.5, 1.5, 0.5]],
      [[0, 0.5, 1, 0.5], [0.5, 0, 0.5, 1]], [[0, 0.5, 1, 0.5]]][index % 6];
    for (const [x0, y0, x1, y1] of lines) { pen.moveTo(x0 * size, y0 * size); pen.lineTo(x1 * size, y1 * size); }
    pen.stroke();
    if (index % 6 === 2) { pen.beginPath(); pen.arc(size / 2, size / 2, size / 6, 0, 7); pen.fill(); }
    return pen.createPattern(canvas, "repeat");
  };

  let data = null, plots = [];
  const FONT = "system-ui, 'Segoe UI', Arial, sans-serif";
  const font = size => `${size * devicePixelRatio}px ${FONT}`;

  const axis = (unit, title, more = {}) => ({
    stroke: colour("quiet"), font: `12px ${FONT}`, labelFont: `12px ${FONT}`, labelSize: 18, labelGap: 0, label: title || undefined,
    grid: { stroke: colour("grid"), width: 1 }, ticks: { show: false }, gap: 6,
    values: (_, splits) => splits.map(value => (value === null ? "" : axisText(unit, value))),
    size: 64, ...more,
  });
  const timeAxis = () => axis("count", "", {
    values: (_, splits) => splits.map(clock), size: 28, space: 64,
    incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400],
  });
  const ends = values => {
    const known = values.filter(value => value !== null && value > 0);
    return known.length ? [Math.min(...known), Math.max(...known)] : [1, 10];
  };
  const decades = ([low, high]) => {
    const from = 10 ** Math.floor(Math.log10(low) + 1e-9), to = 10 ** Math.ceil(Math.log10(high) - 1e-9);
    return [from, to > from ? to : from * 10];
  };
  // Round numbers of a range that does not begin at one: 1, 2 and 5 where there are few decades.
  const rounds = ([low, high]) => {
    const found = [], few = high / low < 1e3;
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
      for (const each of few ? [1, 2, 5] : [1]) if (each * 10 ** power >= low && each * 10 ** power <= high) found.push(each * 10 ** power);
    return found;
  };
  const logScale = range => ({ distr: 3, range: () => range });
  const linear = unit => ({ range: (_, low, high) => [0, Math.max(high || 0, unit === "ratio" ? 1 : unit === "cores" ? 0.1 : 1) * 1.06] });
  const end = () => (data.from.length ? data.from.at(-1) + data.seconds.at(-1) : 1);
  // What is measured over a moment is drawn in its middle.
  const middles = () => data.from.map((from, at) => from + data.seconds[at] / 2);
  const timeScale = () => ({
    time: false,
    range: (_, low, high) => (low === null || data.from.length < 2 || (low === middles()[0] && high === middles().at(-1)) ? [0, end()] : [low, high]),
  });

  // What is painted over charts over time: phases, where the run broke, and the seconds of findings.
  const names = { warm_up: "warm-up", ramp_down: "ramp-down" };
  const behind = u => {
    const pen = u.ctx, { top, height, left, width } = u.bbox;
    pen.save();
    for (const [from, to, phase] of data.phases) {
      if (!names[phase]) continue;
      const x0 = Math.max(left, u.valToPos(from, "x", true)), x1 = Math.min(left + width, u.valToPos(to, "x", true));
      if (x1 <= x0) continue;
      pen.fillStyle = colour("shade");
      pen.fillRect(x0, top, x1 - x0, height);
    }
    pen.restore();
  };
  // Names of phases lie on what is drawn, with an edge around them, so that they can be read there.
  const namePhases = u => {
    const pen = u.ctx, { top, height, left, width } = u.bbox, ratio = devicePixelRatio;
    pen.save();
    pen.font = font(11);
    pen.textAlign = "left";
    pen.textBaseline = "top";
    for (const [from, to, phase] of data.phases) {
      const x0 = Math.max(left, u.valToPos(from, "x", true)), x1 = Math.min(left + width, u.valToPos(to, "x", true));
      if (!names[phase] || pen.measureText(names[phase]).width + 8 * ratio > x1 - x0) continue;
      pen.strokeStyle = colour("card");
      pen.lineWidth = 3 * ratio;
      pen.strokeText(names[phase], x0 + 4 * ratio, top + 4 * ratio);
      pen.fillStyle = colour("quiet");
      pen.fillText(names[phase], x0 + 4 * ratio, top + 4 * ratio);
    }
    pen.restore();
  };
  const lanes = () => {
    const rows = [];
    for (const mark of data.marks.filter(each => each.kind !== "broke")) {
      // A letter takes room beside its bar: marks of one row are a letter apart.
      const room = end() / 25;
      const row = rows.find(each => each.every(other => mark.from_s > other.to_s + room || mark.to_s < other.from_s - room));
      if (row) row.push(mark); else rows.push([mark]);
    }
    return rows.slice(0, 4);
  };
  const LANE = 14;
  const paintMarks = (u, full) => {
    const pen = u.ctx, ratio = devicePixelRatio, { left, width, top, height } = u.bbox;
    u.labels = [];
    const label = (text, x, y, tone) => {
      pen.textAlign = "left";
      pen.font = `600 ${font(11)}`;
      const wide = pen.measureText(text).width;
      const at = Math.min(Math.max(x, left), left + width - wide);
      pen.fillStyle = tone;
      pen.textBaseline = "middle";
      pen.fillText(text, at, y);
      u.labels.push({ text, x: at / ratio, y: y / ratio - 6, width: wide / ratio, height: 12 });
    };
    pen.save();
    lanes().forEach((row, place) => {
      for (const mark of row) {
        const x0 = Math.max(left, u.valToPos(mark.from_s, "x", true)), x1 = Math.min(left + width, u.valToPos(mark.to_s, "x", true));
        if (x1 < left || x0 > left + width) continue;
        const tone = colour({ client: "bad", order: "quiet" }[mark.kind] || "warning"), y = top - (lanes().length - place - 0.5) * LANE * ratio;
        pen.strokeStyle = tone;
        pen.lineWidth = 4 * ratio;
        pen.setLineDash(mark.kind === "client" ? [] : [3 * ratio, 2 * ratio]);
        pen.beginPath();
        pen.moveTo(x0 + 14 * ratio < x1 ? x0 + 12 * ratio : x0, y);
        pen.lineTo(Math.max(x1, x0 + 3 * ratio), y);
        if (x0 + 14 * ratio < x1) pen.stroke();
        label(mark.label, x0, y, tone);
        if (!full) continue;
        pen.lineWidth = ratio;
        pen.setLineDash([2 * ratio, 3 * ratio]);
        for (const x of [x0, x1]) { pen.beginPath(); pen.moveTo(x, y); pen.lineTo(x, top + height); pen.stroke(); }
      }
    });
    for (const mark of data.marks.filter(each => each.kind === "broke")) {
      const x = u.valToPos(mark.from_s, "x", true);
      if (x < left || x > left + width) continue;
      pen.strokeStyle = colour("bad");
      pen.lineWidth = 1.5 * ratio;
      pen.setLineDash([6 * ratio, 4 * ratio]);
      pen.beginPath();
      pen.moveTo(x, top - 2 * ratio);
      pen.lineTo(x, top + height);
      pen.stroke();
      pen.font = `600 ${font(11)}`;
      label(mark.title, x - pen.measureText(mark.title).width / 2, top - (lanes().length * LANE + 8) * ratio, colour("bad"));
    }
    pen.restore();
  };
  const above = () => lanes().length * LANE + (data.marks.some(each => each.kind === "broke") ? 18 : 6);

  // One kind of chart after another. Each gives uPlot's options and data, and what the legend and the table say.
  const lineSeries = (each, scale, single) => ({
    scale, label: each.label, stroke: colour(`c${each.colour}`), width: each.style === "dotted" ? 2 : 1.75,
    dash: dashes[each.style], spanGaps: false,
    // A value without neighbours would not be seen as a line.
    points: { show: true, size: single ? 8 : 5, fill: colour(`c${each.colour}`), filter: (u, index) => (single ? null : lonely(u.data[index])) },
  });
  const lonely = values => values.map((_, at) => at).filter(at => values[at] != null && values[at - 1] == null && values[at + 1] == null);
  const overTime = chart => {
    const stacked = chart.kind === "stack", lone = data.from.length < 3;
    const areas = stacked ? chart.series.filter(each => each.style === "area") : [];
    const others = chart.series.filter(each => !areas.includes(each));
    const sums = [];
    areas.forEach((each, place) => sums.push(each.values.map((value, at) => (value || 0) + (place ? sums[place - 1][at] : 0))));
    const scaleOf = each => (each.right ? "right" : "y");
    const series = [{}], values = [middles()];
    areas.map((each, place) => [each, place]).reverse().forEach(([each, place]) => {
      series.push({ ...lineSeries(each, "y", lone), fill: tile(`c${each.colour}`, each.colour - 1), width: 1.25,
        ...(lone ? { paths: uPlot.paths.bars({ size: [0.6, 200] }), points: { show: false } } : {}) });
      values.push(sums[place]);
    });
    for (const each of others) {
      const drawn = lineSeries(each, scaleOf(each), lone);
      if (each.style === "area") drawn.fill = tile(`c${each.colour}`, each.colour - 1);
      if (each.style === "bars") { drawn.fill = tile(`c${each.colour}`, each.colour - 1); drawn.paths = uPlot.paths.bars({ size: [0.9] }); drawn.points = { show: false }; }
      series.push(drawn);
      values.push(each.values.map(value => (value === null || (value <= 0 && (chart.log || (each.right && each.unit === "us"))) ? null : value)));
    }
    const left = others.filter(each => !each.right), right = others.filter(each => each.right);
    const leftUnit = (left[0] || areas[0] || { unit: "count" }).unit;
    const shared = ["response", "service"].includes(chart.key) ? data.charts.filter(each => ["response", "service"].includes(each.key)).flatMap(each => each.series) : left;
    const scales = { x: timeScale(), y: chart.log ? logScale(decades(ends(shared.flatMap(each => each.values)))) : linear(leftUnit) };
    const axes = [timeAxis(), axis(leftUnit, chart.y_title, { scale: "y" })];
    if (right.length) {
      const times = right[0].unit === "us";
      scales.right = times ? logScale(decades(ends(right.flatMap(each => each.values)))) : linear(right[0].unit);
      axes.push(axis(right[0].unit, chart.right_title, { scale: "right", side: 1, grid: { show: false } }));
    }
    return {
      options: { series, scales, axes, height: chart.key === "lag" ? 130 : 260, sync: true }, values,
      legend: chart.series.map(each => ({ label: each.label, sample: each, at: index => tell(each.unit, each.values[index]) })),
      heading: ["Time", ...chart.series.map(each => each.label)],
      rows: () => data.from.map((from, at) => [clock(from), ...chart.series.map(each => tell(each.unit, each.values[at]))]),
      when: index => clock(data.from[index]),
    };
  };
  const heat = chart => {
    const { columns, first, edges, most } = chart.extra;
    const low = channels(colour("heat-low")), high = channels(colour("heat-high"));
    const shade = share => `rgb(${low.map((value, place) => Math.round(value + (high[place] - value) * share)).join(" ")})`;
    const range = [edges[0] * 0.85, edges.at(-1) * 1.1];
    const paint = u => {
      const pen = u.ctx;
      pen.save();
      pen.beginPath();
      pen.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
      pen.clip();
      const ys = edges.map(edge => u.valToPos(edge, "y", true));
      columns.forEach(([from, ...counts], at) => {
        const x0 = Math.floor(u.valToPos(data.from[at], "x", true)), x1 = Math.ceil(u.valToPos(data.from[at] + data.seconds[at], "x", true));
        counts.forEach((count, place) => {
          if (!count) return;
          const bucket = from - first + place;
          pen.fillStyle = shade(most > 1 ? Math.log(count) / Math.log(most) : 1);
          pen.fillRect(x0, Math.floor(ys[bucket + 1]), Math.max(1, x1 - x0), Math.ceil(ys[bucket] - ys[bucket + 1]));
        });
      });
      pen.restore();
    };
    const few = Math.max(1, Math.ceil(columns.length / 40)), wide = Math.max(1, Math.ceil((edges.length - 1) / 10));
    const groups = [];
    for (let place = 0; place < edges.length - 1; place += wide) groups.push([place, Math.min(place + wide, edges.length - 1)]);
    const sum = (at, [from, to]) => columns.slice(at, at + few).reduce((total, [low0, ...counts]) =>
      total + counts.reduce((part, count, place) => part + (low0 - first + place >= from && low0 - first + place < to ? count : 0), 0), 0);
    return {
      options: { series: [{}, { paths: () => null, points: { show: false } }], scales: { x: timeScale(), y: logScale(range) },
        axes: [timeAxis(), axis("us", chart.y_title, { scale: "y", splits: () => rounds(range), filter: (_, splits) => splits })], height: 320, sync: true, paint, full: true },
      values: [middles(), data.from.map(() => edges[0])],
      legend: [{ label: `responses in a cell: 1 to ${grouped(most)}`, gradient: shade, at: index => `${grouped((columns[index] || [0]).slice(1).reduce((a, b) => a + b, 0))} ended` }],
      heading: ["From", ...groups.map(([from, to]) => `${tell("us", edges[from])} – ${tell("us", edges[to])}`)],
      rows: () => data.from.filter((_, at) => at % few === 0).map((from, place) => [clock(from), ...groups.map(group => grouped(sum(place * few, group)))]),
      when: index => clock(data.from[index]),
    };
  };
  const shapes = (pen, state, x, y, size) => {
    pen.beginPath();
    if (state === 0) pen.arc(x, y, size, 0, 7);
    else if (state === 1) { pen.moveTo(x, y - size * 1.2); pen.lineTo(x + size * 1.2, y + size); pen.lineTo(x - size * 1.2, y + size); pen.closePath(); }
    else { pen.moveTo(x - size, y - size); pen.lineTo(x + size, y + size); pen.moveTo(x + size, y - size); pen.lineTo(x - size, y + size); }
    if (state === 2) pen.stroke(); else { pen.globalAlpha = 0.55; pen.fill(); pen.globalAlpha = 1; pen.stroke(); }
  };
  const toneOf = state => colour(["c1", "c2", "c4"][state]);
  const scatter = chart => {
    const { x, y, states, at, names: words, x_title: title } = chart.extra;
    const order = x.map((_, place) => place).sort((one, other) => x[one] - x[other]);
    const xs = order.map(place => x[place]), ys = order.map(place => y[place]);
    const paint = u => {
      const pen = u.ctx;
      pen.save();
      pen.lineWidth = 1.4 * devicePixelRatio;
      order.forEach((place, index) => {
        pen.fillStyle = pen.strokeStyle = toneOf(states[place]);
        shapes(pen, states[place], u.valToPos(xs[index], "x", true), u.valToPos(ys[index], "y", true), 3.6 * devicePixelRatio);
      });
      pen.restore();
    };
    const counts = [0, 1, 2].map(state => states.filter(each => each === state).length);
    return {
      options: { series: [{}, { paths: () => null, points: { show: false } }],
        scales: { x: { time: false, range: () => [0, Math.max(1, ...xs) * 1.06] }, y: logScale(decades(ends(y))) },
        axes: [axis("per_s", title, { size: 28, space: 64 }), axis("us", chart.y_title, { scale: "y" })], height: 260, paint },
      values: [xs, ys],
      legend: words.map((word, state) => ({ label: word, shape: state, many: counts[state], at: index => (states[order[index]] === state ? `${tell("per_s", xs[index])}, ${tell("us", ys[index])}` : "") })).filter(each => each.many),
      heading: ["Time", "Responses per second", "p95", "State"],
      rows: () => at.map((from, place) => [clock(from), tell("per_s", x[place]), tell("us", y[place]), words[states[place]]]),
      when: index => (order.length ? clock(at[order[index]]) : ""),
    };
  };
  const spectrum = chart => {
    const quantiles = chart.extra.quantiles, xs = quantiles.map(each => 1 / (1 - each));
    const percents = quantiles.map(each => `${+(each * 100).toFixed(4)}%`);
    const ticks = [1, 2, 10, 100, 1e3, 1e4, 1e5, 1e6];
    const share = tick => `${+((1 - 1 / tick) * 100).toFixed(4)}%`;
    // Those whose words have room behind the one before.
    const roomy = plot => {
      const scale = plot.bbox.width / devicePixelRatio / Math.log(plot.scales.x.max);
      let free = -Infinity;
      return ticks.filter(tick => {
        const middle = Math.log(tick) * scale, half = 3.5 * share(tick).length + 4;
        if (tick > plot.scales.x.max || middle - half < free) return false;
        free = middle + half;
        return true;
      });
    };
    return {
      options: { series: [{}, ...chart.series.map(each => lineSeries(each, "y", xs.length < 3))],
        scales: { x: { time: false, distr: 3, range: () => [1, Math.max(10, xs.at(-1) * 1.15)] }, y: logScale(decades(ends(chart.series.flatMap(each => each.values)))) },
        axes: [axis("count", "share of requests that were faster", { size: 28, splits: roomy, filter: (_, splits) => splits,
          values: (_, splits) => splits.map(share) }), axis("us", chart.y_title, { scale: "y" })], height: 260 },
      values: [xs, ...chart.series.map(each => each.values)],
      legend: chart.series.map(each => ({ label: each.label, sample: each, at: index => tell("us", each.values[index]) })),
      heading: ["Percentile", ...chart.series.map(each => each.label)],
      rows: () => percents.map((name, at) => [name, ...chart.series.map(each => tell("us", each.values[at]))]),
      when: index => percents[index],
    };
  };
  const kinds = { lines: overTime, stack: overTime, heat, scatter, spectrum };

  const sampleOf = entry => {
    const canvas = make("canvas", "", { "aria-hidden": "true" }), ratio = devicePixelRatio, wide = entry.gradient ? 90 : 30;
    canvas.width = wide * ratio;
    canvas.height = 14 * ratio;
    canvas.style.width = `${wide}px`;
    canvas.style.height = "14px";
    const pen = canvas.getContext("2d");
    if (entry.gradient) {
      for (let x = 0; x < canvas.width; x++) { pen.fillStyle = entry.gradient(x / canvas.width); pen.fillRect(x, 0, 1, canvas.height); }
    } else if (entry.shape !== undefined) {
      pen.lineWidth = 1.4 * ratio;
      pen.fillStyle = pen.strokeStyle = toneOf(entry.shape);
      shapes(pen, entry.shape, canvas.width / 2, canvas.height / 2, 4 * ratio);
    } else {
      const { style, colour: number } = entry.sample, tone = colour(`c${number}`);
      if (style === "area" || style === "bars") { pen.fillStyle = tile(`c${number}`, number - 1); pen.fillRect(0, 0, canvas.width, canvas.height); }
      pen.strokeStyle = tone;
      pen.lineWidth = 2 * ratio;
      pen.setLineDash(dashes[style].map(each => each * ratio));
      pen.beginPath();
      const y = style === "area" || style === "bars" ? ratio : canvas.height / 2;
      pen.moveTo(0, y);
      pen.lineTo(canvas.width, y);
      pen.stroke();
    }
    return canvas;
  };
  const tableOf = (made, box, caption) => {
    const table = make("table"), head = make("thead"), body = make("tbody"), row = make("tr");
    table.append(make("caption", caption));
    made.heading.forEach((text, place) => row.append(make("th", text, { scope: "col", ...(place ? { class: "number" } : {}) })));
    head.append(row);
    for (const cells of made.rows()) {
      const line = make("tr");
      cells.forEach((text, place) => line.append(place ? make("td", text, { class: "number" }) : make("th", text, { scope: "row" })));
      body.append(line);
    }
    table.append(head, body);
    box.replaceChildren(table);
  };

  const draw = chart => {
    const figure = one(`[data-chart="${chart.key}"]`);
    if (!figure) return;
    const made = kinds[chart.kind](chart), box = one(".plot", figure), { options, values } = made;
    const overTimeAxis = options.sync;
    const list = one(".legend", figure), entries = made.legend.map(entry => ({ ...entry, output: make("output", "", { "aria-hidden": "true" }) }));
    list.replaceChildren(...entries.map(entry => {
      const item = make("li");
      item.append(sampleOf(entry), make("span", entry.label), entry.output);
      return item;
    }));
    const moved = u => {
      const index = u.cursor.idx;
      for (const entry of entries) entry.output.textContent = index === null || index === undefined ? "" : entry.at(index);
    };
    box.replaceChildren();
    const u = new uPlot({
      width: Math.max(200, box.clientWidth), height: options.height + (overTimeAxis ? above() : 0), legend: { show: false }, pxAlign: true,
      padding: [overTimeAxis ? above() : 10, options.axes.length > 2 ? 4 : 16, 0, 4], series: options.series, scales: options.scales, axes: options.axes,
      cursor: { y: false, points: { show: options.series.length > 2 && !options.paint }, drag: { x: true, y: false }, ...(overTimeAxis ? { sync: { key: "time", setSeries: false } } : {}) },
      hooks: {
        drawClear: [drawn => overTimeAxis && behind(drawn)],
        draw: [drawn => { if (options.paint) options.paint(drawn); if (overTimeAxis) { namePhases(drawn); paintMarks(drawn, options.full); } }],
        setCursor: [moved],
      },
    }, values, box);
    u.key = chart.key;
    plots.push(u);
    box.onkeydown = event => {
      const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -1e9, End: 1e9 };
      if (!(event.key in steps)) return;
      event.preventDefault();
      const index = Math.min(Math.max((u.cursor.idx ?? -1) + steps[event.key] * (event.shiftKey ? 10 : 1), 0), u.data[0].length - 1);
      if (index < 0) return;
      u.setCursor({ left: u.valToPos(u.data[0][index], "x"), top: 10 });
      one("#spoken").textContent = `${made.when(index)}: ` + entries.map(entry => [entry.label, entry.at(index)]).filter(([, text]) => text).map(pair => pair.join(" ")).join(", ");
    };
    const twin = one("details.twin", figure), place = one(".scroll", twin);
    twin.ontoggle = () => twin.open && tableOf(made, place, chart.title);
    if (twin.open) tableOf(made, place, chart.title);
  };
  const show = next => {
    data = next;
    plots.forEach(each => each.destroy());
    plots = [];
    data.charts.forEach(draw);
    root.dataset.ready = "yes";
  };

  // Tables that can be sorted: by a button in each heading.
  const sortable = table => {
    const head = all("thead th", table);
    head.forEach((cell, place) => {
      const button = make("button", cell.textContent, { type: "button" });
      cell.replaceChildren(button);
      button.onclick = () => {
        const falling = cell.getAttribute("aria-sort") ? cell.getAttribute("aria-sort") === "ascending" : cell.classList.contains("number");
        head.forEach(each => each.removeAttribute("aria-sort"));
        cell.setAttribute("aria-sort", falling ? "descending" : "ascending");
        sort(table, place, falling);
      };
    });
  };
  const sort = (table, place, falling) => {
    const body = table.tBodies[0], rows = [...body.rows], last = table.classList.contains("total") ? rows.pop() : null;
    const value = row => { const cell = row.cells[place]; return "sort" in cell.dataset ? Number(cell.dataset.sort) : cell.textContent.trim(); };
    rows.sort((a, b) => {
      const [x, y] = [value(a), value(b)], order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
      return falling ? -order : order;
    });
    body.append(...rows, ...(last ? [last] : []));
  };
  const prepare = () => all("table.sortable:not([data-prepared])").forEach(table => { table.dataset.prepared = "yes"; sortable(table); });
  prepare();

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const button = one("#theme");
  const retell = () => { button.textContent = isDark() ? "Light" : "Dark"; if (data) show(data); };
  button.onclick = () => { root.dataset.theme = isDark() ? "light" : "dark"; retell(); };
  dark.addEventListener("change", retell);
  one("#print").onclick = () => print();
  let before;
  addEventListener("beforeprint", () => { before = root.dataset.theme; root.dataset.theme = "light"; root.classList.add("printing"); if (data) show(data); });
  addEventListener("afterprint", () => { if (before) root.dataset.theme = before; else delete root.dataset.theme; root.classList.remove("printing"); if (data) show(data); });
  let width = innerWidth, waiting;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; clearTimeout(waiting); waiting = setTimeout(() => data && show(data), 120); } });
  const copy = one("#copy");
  if (copy) copy.onclick = async () => {
    const text = one("#command").textContent;
    try { await navigator.clipboard.writeText(text); one("#copied").textContent = "Copied."; }
    catch { getSelection().selectAllChildren(one("#command")); one("#copied").textContent = "Selected: copy it with the keyboard."; }
  };

  const unpack = async text => {
    const bytes = Uint8Array.from(atob(text.trim()), each => each.charCodeAt(0));
    return JSON.parse(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text());
  };
  retell();
  window.loadcore = { show, prepare, plots: () => plots };
  unpack(one("#data").textContent).then(show);
})();
