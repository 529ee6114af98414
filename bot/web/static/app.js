// The dashboard: draws what the stream tells and sends three orders. No dependency, no markup from data: every text
// that comes from outside becomes a text node.

const $ = (id) => document.getElementById(id);
const NS = "http://www.w3.org/2000/svg";
const STALE_AFTER_MS = 6000;
const SILENT_AFTER_S = 20;
const LINES_KEPT = 600;
const HELD_KEPT = 250;
const HOLD_MS = 1000;

function put(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(9)) {
    if (child === null || child === undefined || child === "") continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}
const el = (tag, attributes, ...children) => put(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => put(document.createElementNS(NS, tag), attributes, children);

// ---- numbers ------------------------------------------------------------------------------------
const NONE = "unknown";
const known = (value) => value !== null && value !== undefined;
function number(value, digits = 2) {
  return known(value) ? value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "\u2212") : NONE;
}
function signed(value, digits = 2, unit = "") {
  return known(value) ? (value > 0 ? "+" : value < 0 ? "\u2212" : "") + number(Math.abs(value), digits) + unit : NONE;
}
function dollars(value, digits = 0) {
  return known(value) ? (value < 0 ? "\u2212$" : "$") + number(Math.abs(value), digits) : NONE;
}
function gain(value, digits = 0) {
  return known(value) ? (value > 0 ? "+$" : value < 0 ? "\u2212$" : "$") + number(Math.abs(value), digits) : NONE;
}
const tone = (value) => (!known(value) || value === 0 ? "" : value > 0 ? "good" : "bad");
const plainWord = (word) => (word || "").replaceAll("_", " ");
function short(usd) {
  const size = Math.abs(usd);
  const sign = usd < 0 ? "\u2212$" : "$";
  return size >= 10000 ? `${sign}${(size / 1000).toFixed(0)}k` : size >= 1000 ? `${sign}${(size / 1000).toFixed(1)}k` : `${sign}${size.toFixed(0)}`;
}

// ---- sections are drawn again only when what they show has changed, or the window has --------------
const shown = new Map();
let view = null;
function section(id, data, draw) {
  const box = document.querySelector(`#${id} > .in`);
  const key = JSON.stringify(data) + box.clientWidth + "x" + (id === "condors" ? box.clientHeight : 0);
  if (shown.get(id) === key) return;
  shown.set(id, key);
  const { scrollTop, scrollLeft } = box;
  box.replaceChildren(...[draw(data, box)].flat());
  box.scrollTop = scrollTop;
  box.scrollLeft = scrollLeft;
}
function aside(id, ...children) {
  const head = document.querySelector(`#${id} > h2`);
  head.querySelector("small")?.remove();
  if (children.length) head.append(el("small", {}, ...children));
}

function scale(low, high, from, to) {
  const span = high - low || 1;
  return (value) => from + ((value - low) / span) * (to - from);
}
function ticks(low, high, about) {
  const rough = (high - low) / about || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough) || rough;
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) found.push(Math.abs(at) < step * 1e-9 ? 0 : at);
  return found;
}
function path(xs, ys, x, y) {
  let text = "";
  let pen = false;
  xs.forEach((value, i) => {
    if (!known(ys[i])) { pen = false; return; }
    text += `${pen ? "L" : "M"}${x(value).toFixed(1)} ${y(ys[i]).toFixed(1)}`;
    pen = true;
  });
  return text;
}

// ---- bar ----------------------------------------------------------------------------------------
function drawBar(bar, orders, blind) {
  const pills = [el("strong", { class: `pill ${bar.state}` }, bar.state.toUpperCase())];
  if (bar.blind) pills.push(el("strong", { class: "pill blind" }, "BLIND"));
  if (bar.paused) pills.push(el("strong", { class: "pill paused" }, "PAUSED"));
  const words = pills.map((pill) => pill.textContent).join(" ");
  if ($("pills").dataset.words !== words) {
    $("pills").dataset.words = words;
    $("pills").replaceChildren(...pills);
  }
  $("account").textContent = (bar.account || "account not known yet") + (bar.simulated ? " (simulated)" : "");
  const live = orders.filter((order) => order.live).length;
  const link = `${bar.link.state}${bar.link.state === "up" ? (bar.link.reconciled ? ", reconciled" : ", NOT reconciled") : ": " + bar.link.reason}`;
  const next = bar.next.map((moment) => `${moment.at} ${moment.text}`).join(", ") || "nothing scheduled";
  const soon = bar.next.slice(0, 2).map((moment) => `${moment.at} ${moment.text}`).join(", ") || next;
  const rows = [
    ["Now", bar.goes_on, bar.state === "active" && !bar.paused ? "" : "warn"],
    [`New York, ${bar.day}`, `${bar.time.slice(11)}  ${bar.session.text}`, ""],
    ["Orders", `${live} working`, live && bar.state === "halted" ? "bad" : ""],
    ["Link", link, bar.blind ? "bad" : ""],
    ["Next", soon, "", next],
    ["Data", `${bar.lines} lines, SPX ${known(bar.spx_age_s) ? age(bar.spx_age_s) + " old" : "unknown"}`, ""],
  ];
  $("facts").replaceChildren(...rows.map(([name, text, kind, whole]) => el("div", {}, el("dt", {}, name), el("dd", { class: kind, title: whole || text }, text))));
  const open = blind.find((span) => !span.to);
  $("stops").replaceChildren(
    ...(bar.blind ? [el("p", {}, el("strong", {}, "BLIND"), open ? ` since ${open.from.slice(11)} (${number(open.seconds / 60, 0)} min): ${open.reason.replace(/\.$/, "")}. ` : ` ${bar.link.reason}. `, el("span", { class: "dim" }, "Nothing adds risk meanwhile; working orders stay as they are at the broker; the bot connects again by itself."))] : []),
    ...bar.latches.map((latch) => el("p", {}, el("strong", {}, latch.state.toUpperCase()), ` ${latch.cause}: ${latch.reason} `, el("span", { class: "dim" }, `(by ${latch.who}, ${latch.at}; ends with "condor arm" at the terminal)`), bar.proof && latch === bar.latches.find((one) => one.state === "halted") ? el("strong", { class: bar.proof.startsWith("VERIFIED") ? "good" : "" }, `  ${bar.proof}`) : "")),
    ...bar.people.map((text) => el("p", { class: "people" }, text)),
  );
  const drill = view.drill;
  $("killhint").replaceChildren("hold 1 s", el("br"), drill ? `drill ${daysAgo(drill.at)}` : "no drill yet");
  $("killhint").title = drill ? `The kill drill of ${drill.at.slice(0, 10)}: ${drill.triggers - drill.failed} of ${drill.triggers} triggers ended every order, the slowest in ${number(drill.slowest_ms, 0)} ms` : "make drill presses every kill trigger against a simulated gateway and times it";
  $("foot").textContent = `${bar.run}, configuration ${bar.config}`;
  $("bar").title = $("foot").textContent;
  const sign = { active: "\u25cf", reducing: "\u25d0", flattening: "\u25bd", halted: "\u25a0" }[bar.state];
  title(`${sign} ${words} - condor`);
}
function title(text) { if (document.title !== text) document.title = text; }

// ---- market -------------------------------------------------------------------------------------
function drawMarket(m, box) {
  const level = (name, index, unit) => el("div", { class: "level" }, name, el("b", {}, number(index.points)), index.age_s > 120 ? el("span", { class: "warn" }, `${age(index.age_s)} old`) :
    el("span", { class: tone(unit === "pct" ? index.change_pct : -index.change_points || null) }, unit === "pct" ? signed(index.change_pct, 2, " % today") : signed(index.change_points, 2, " today")));
  const calm = m.regime === "contango" || m.regime === "flat";
  const rows = [
    el("div", {}, el("b", { class: m.regime === "unknown" ? "warn" : calm ? "good" : "bad" }, plainWord(m.regime)), m.official !== m.regime ? ` (official: ${plainWord(m.official)})` : "", known(m.tier) ? `, tier ${m.tier} ${m.tier_name}` : ""),
    el("div", {}, `slope ${signed(m.slope_pct_month, 1, " % a month")}`),
    el("div", {}, `F1\u2212F2 ${signed(m.front_minus_second_points, 2, " points")} (slot 4 moves above ${number(m.migrate_points, 2)})`),
    el("div", {}, `RSI: VIX ${number(m.rsi_vix, 0)}, SPX ${number(m.rsi_spx, 0)}; basis MACD ${signed(m.basis_macd_histogram, 2)}`),
    el("div", {}, `evidence ${m.evidence_points ?? 0}${m.evidence?.length ? ": " + m.evidence.map(plainWord).join(", ") : ""}`),
    el("div", {}, m.next_event ? `${m.next_event.kind} ${m.next_event.at.slice(5, 16)} (in ${hours(m.next_event.hours)})` : "no release is listed ahead"),
  ];
  if (m.sampled_age_s > 900) rows.unshift(el("div", { class: "warn" }, `as of ${m.sampled.slice(5, 16)}`));
  if (m.fault) rows.push(el("div", { class: "bad" }, m.fault));
  if (m.regime_reason) rows.push(el("div", { class: "warn" }, m.regime_reason));
  const chart = el("div", { class: "curve" });
  const room = box.clientWidth > 700 ? box.clientWidth - 436 : box.clientWidth;
  chart.append(drawCurve(m, Math.max(240, Math.min(640, room)), 122));
  return [el("div", { class: "levels" }, level("SPX", m.spx, "pct"), level("VIX", m.vix, "points")), chart, el("div", { class: "words" }, ...rows)];
}
function daysAgo(at) {
  const days = Math.floor((Date.now() - Date.parse(at)) / 86400000);
  return days < 1 ? "today" : days === 1 ? "a day ago" : `${days} days ago`;
}
const age = (s) => (s < 120 ? `${number(s, 0)} s` : s < 7200 ? `${number(s / 60, 0)} min` : hours(s / 3600));
const hours = (value) => (value >= 48 ? `${number(value / 24, 0)} days` : `${number(value, 1)} h`);

function drawCurve(m, w, h) {
  const lastKnown = m.curve.findLastIndex((row) => known(row.points));
  const curve = m.curve.slice(0, lastKnown + 1);
  const points = curve.filter((row) => known(row.points));
  if (points.length < 2) return el("p", { class: "empty" }, "No curve: VIX futures have no usable quotes.");
  const left = 34, right = w - 12, top = 16, bottom = h - 26;
  const values = points.map((row) => row.points);
  const low = Math.min(...values), high = Math.max(...values), pad = Math.max(0.5, (high - low) * 0.12);
  const x = scale(0, Math.max(...curve.map((row) => row.days || 0)), left + 24, right - 8);
  const y = scale(low - pad, high + pad, bottom, top);
  const inverted = m.regime === "backwardation" || m.regime === "deep_backwardation";
  const marks = ticks(low - pad, high + pad, 3).map((v) => [svg("line", { class: "grid", x1: left, x2: right, y1: y(v), y2: y(v) }), svg("text", { x: left - 5, y: y(v) + 3.5, "text-anchor": "end" }, number(v, Number.isInteger(v) ? 0 : 1))]);
  // By days, but never closer than their labels need: the days are written below.
  const places = [];
  for (const row of curve) places.push(Math.max(x(row.days), (places.at(-1) ?? -99) + 35));
  for (let i = places.length - 1, most = right - 8; i >= 0; i -= 1, most = places[i + 1] - 35) places[i] = Math.min(places[i], most);
  const line = svg("path", { class: `line${inverted ? " bad" : ""}`, d: path(places, curve.map((r) => r.points), (at) => at, y) });
  const dots = curve.map((row, i) => {
    const at = places[i];
    const label = svg("text", { x: at, y: bottom + 12, "text-anchor": "middle" }, row.label);
    const when = svg("text", { x: at, y: bottom + 23, "text-anchor": "middle" }, row.days ? `${row.days}d` : "spot");
    if (!known(row.points)) {
      return [label, when, svg("text", { x: at, y: (top + bottom) / 2, "text-anchor": "middle" }, "?", svg("title", {}, `${row.label} ${row.reason || "unknown"}`))];
    }
    const fall = (a, b) => (known(a?.points) && known(b?.points) ? y(b.points) - y(a.points) : 0);
    const beside = fall(curve[i - 1], row) > 8 && fall(row, curve[i + 1]) > 10; // the line comes from above, the next label lies lower
    const value = svg("text", { class: "strong", x: at + (beside ? 19 : 0), y: y(row.points) - (beside ? 5 : 7), "text-anchor": "middle" }, number(row.points));
    return [svg("circle", { class: `dot${inverted ? " bad" : ""}`, cx: at, cy: y(row.points), r: 3 }, svg("title", {}, `${row.label} ${row.month || ""} ${number(row.points)} points, ${row.days} days`)), value, label, when];
  });
  const words = points.map((row) => `${row.label} ${number(row.points)}`).join(", ");
  return svg("svg", { width: w, height: h, role: "img", "aria-label": `VIX and its futures in points by days to settlement: ${words}` }, marks, svg("text", { x: 0, y: 10 }, "VIX points by days to settlement"), line, dots);
}

// ---- result -------------------------------------------------------------------------------------
function drawResult({ money, parts }, box) {
  const rows = [["condors open", gain(money.condors_open_usd)], ["hedge open", gain(money.hedge_open_usd)], ["commissions", dollars(money.commissions_today_usd, 2)], ["week", gain(money.week_change_usd)], ["below high", gain(money.below_high_water_usd)]];
  aside("result", `NLV ${dollars(money.net_liquidation_usd)}`);
  const sum = el("div", { class: "sum" }, "today", el("b", { class: tone(money.day_change_usd) }, gain(money.day_change_usd)), el("dl", { class: "kv" }, ...rows.map(([name, text]) => [el("dt", {}, name), el("dd", {}, text)])));
  const table = drawParts(parts, money);
  const spark = el("div", { class: "spark" });
  const room = box.clientWidth - 156 - (box.clientWidth > 480 ? 258 : 0);
  spark.append(drawSpark(money.samples, Math.max(90, room), 108));
  return [sum, spark, table];
}
const PARTS = [["delta", "delta"], ["gamma", "gamma"], ["vega", "vega"], ["theta", "theta"], ["cross", "vanna, volga"], ["trading", "fills"], ["settlement", "settled"], ["fees", "fees"], ["residual", "residual"], ["total", "total"]];
const whole = (usd) => number(Math.round(usd) || 0, 0);
const HOLDERS = { condors: "condors", L1: "L1", L2: "L2", L3: "L3", other: "others" };
function drawParts(parts, money) {
  if (!parts?.rows?.length) return el("div", { class: "parts" }, el("p", { class: "empty" }, parts?.unknown ? `Result by part: ${parts.unknown}.` : "Nothing was held: there is no result by part."));
  const all = (part) => parts.rows.reduce((sum, row) => sum + row[part], 0);
  const shown = PARTS.filter(([part]) => !["settlement", "cross", "trading"].includes(part) || parts.rows.some((row) => Math.abs(row[part]) >= 0.5));
  const when = parts.until ? `until ${new Intl.DateTimeFormat("en-GB", { timeZone: "America/New_York", hour: "2-digit", minute: "2-digit" }).format(new Date(parts.until))}` : "";
  const words = `Result of ${parts.session} by part ${when} New York, dollars; the broker's change less this is ${gain(parts.difference_usd)}${parts.unknown ? `. ${parts.unknown}` : ""}`;
  return el("div", { class: "parts", title: words }, el("table", {}, el("caption", { class: "sr" }, words),
    el("thead", {}, el("tr", {}, el("th", { scope: "col", class: parts.unknown ? "warn" : "" }, `$ ${parts.unknown ? "old, " : ""}${when.replace("until ", "at ")}`), ...parts.rows.map((row) => el("th", { scope: "col", class: "n" }, HOLDERS[row.holder])), el("th", { scope: "col", class: "n" }, "all"))),
    el("tbody", {}, ...shown.map(([part, name]) => el("tr", { class: part === "total" ? "total" : "" }, el("th", { scope: "row" }, name), ...parts.rows.map((row) => el("td", { class: "n" }, whole(row[part]))), el("td", { class: `n ${tone(Math.round(all(part)))}` }, whole(all(part))))))));
}
const minutes = (clock) => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5));
function drawSpark(samples, w, h) {
  if (samples.length < 2) return el("p", { class: "empty" }, "No course of the day yet.");
  const left = 38, right = w - 4, top = 8, bottom = h - 16;
  const values = samples.map((s) => s.usd);
  const low = Math.min(0, ...values), high = Math.max(0, ...values), pad = Math.max(5, (high - low) * 0.08);
  const times = samples.map((s) => minutes(s.at));
  const x = scale(Math.min(times[0], 570), Math.max(times.at(-1), 975), left, right);
  const y = scale(low - pad, high + pad, bottom, top);
  const marks = ticks(low - pad, high + pad, 3).map((v) => [svg("line", { class: v === 0 ? "axis" : "grid", x1: left, x2: right, y1: y(v), y2: y(v) }), svg("text", { x: left - 4, y: y(v) + 3.5, "text-anchor": "end" }, short(v))]);
  const ends = [["start", 570, "09:30"], ["end", 975, "16:15"]].map(([anchor, at, text]) => svg("text", { x: x(at), y: h - 3, "text-anchor": anchor }, text));
  const last = values.at(-1);
  return svg("svg", { width: w, height: h, role: "img", "aria-label": `Day's result by time: now ${gain(last)}, lowest ${gain(Math.min(...values))}, highest ${gain(Math.max(...values))}` }, marks, svg("path", { class: `line thin${last < 0 ? " bad" : ""}`, d: path(times, values, x, y) }), ends);
}

// ---- condors ------------------------------------------------------------------------------------
function drawCondors({ condors, book, how }, box) {
  aside("condors", condors.length ? `${condors.length} in care` : "");
  $("look").hidden = !condors.length;
  if (condors.length && how.together) return drawTogether(book, how, box);
  if (!condors.length) return el("p", { class: "empty" }, "No condor is held or being sold. ", el("span", { id: "whynot" }, whyNot()));
  const columns = Math.max(1, Math.min(condors.length, 3, Math.floor((box.clientWidth + 8) / 198)));
  const width = (box.clientWidth - (columns - 1) * 8) / columns - 18;
  box.style.setProperty("--columns", columns);
  const lines = width < 236 ? 156 : 164;
  const height = condors.length <= columns ? Math.max(90, Math.min(360, box.clientHeight - lines)) : 124;
  return condors.map((condor) => drawCard(condor, Math.max(160, width), height));
}
const DAYS_AHEAD = [0, 1, 5, 10, 20];
function looked() {
  const form = new FormData($("look"));
  const days = DAYS_AHEAD[Number(form.get("days") ?? 3)];
  const vix = form.get("vix");
  return { together: form.get("how") === "together", days, vix: vix ? Number(vix) : null };
}
const daysWords = (days) => (days === 0 ? "no time" : days === 1 ? "1 day" : `${days} days`);
function drawTogether(book, how, box) {
  const mine = book.cases.find((c) => c.days === how.days && c.vix_points === how.vix);
  if (!mine) return el("p", { class: "empty" }, `Condors and hedge cannot be valued together: ${book.unknown}.`);
  const w = box.clientWidth, h = Math.max(150, Math.min(340, box.clientHeight - 26)), xs = book.levels_points;
  const left = 52, right = w - 8, top = 16, bottom = h - 30;
  const low = Math.min(0, ...mine.whole_usd, ...mine.condors_usd), high = Math.max(0, ...mine.whole_usd, ...mine.condors_usd), pad = Math.max(50, (high - low) * 0.06);
  const x = scale(xs[0], xs.at(-1), left, right), y = scale(low - pad, high + pad, bottom, top);
  const parts = ticks(low - pad, high + pad, 5).map((v) => [svg("line", { class: v === 0 ? "axis" : "grid", x1: left, x2: right, y1: y(v), y2: y(v) }), svg("text", { x: left - 4, y: y(v) + 3.5, "text-anchor": "end" }, short(v))]);
  for (const v of ticks(xs[0], xs.at(-1), w > 460 ? 7 : 4)) parts.push(svg("text", { x: x(v), y: bottom + 13, "text-anchor": "middle" }, number(v, 0)));
  parts.push(svg("text", { x: (left + right) / 2, y: h - 4, "text-anchor": "middle" }, "SPX, points"));
  parts.push(svg("path", { class: "line dash", d: path(xs, mine.condors_usd, x, y) }), svg("path", { class: "line", d: path(xs, mine.whole_usd, x, y) }));
  parts.push(svg("line", { class: "spot", x1: x(book.spot_points), x2: x(book.spot_points), y1: top, y2: bottom }), svg("text", { class: "strong", x: x(book.spot_points), y: top - 4, "text-anchor": "middle" }, number(book.spot_points, 0)));
  const cursor = svg("line", { class: "cursor", y1: top, y2: bottom, visibility: "hidden" });
  const middle = xs.reduce((best, v, i) => (Math.abs(v - book.spot_points) < Math.abs(xs[best] - book.spot_points) ? i : best), 0);
  const keys = el("p", { class: "key" });
  const say = (i) => keys.replaceChildren(`from now on, SPX at ${number(xs[i], 0)}: `, el("i", { class: "k-now" }, `\u2500 with the hedge ${gain(mine.whole_usd[i])} `), el("i", { class: "k-vol" }, ` \u2504 condors alone ${gain(mine.condors_usd[i])}`));
  say(middle);
  const vixWords = how.vix === null ? "VIX moving with the index" : `VIX ${how.vix} points higher`;
  const drawing = svg("svg", { width: w, height: h, role: "img", "aria-label": `Dollars gained from now on by SPX level in ${daysWords(how.days)}, ${vixWords}: with the hedge from ${dollars(Math.min(...mine.whole_usd))} to ${dollars(Math.max(...mine.whole_usd))}, condors alone from ${dollars(Math.min(...mine.condors_usd))} to ${dollars(Math.max(...mine.condors_usd))}` }, parts, cursor);
  drawing.addEventListener("pointermove", (event) => {
    const at = event.clientX - drawing.getBoundingClientRect().left;
    const i = xs.reduce((best, v, j) => (Math.abs(x(v) - at) < Math.abs(x(xs[best]) - at) ? j : best), 0);
    put(cursor, { x1: x(xs[i]), x2: x(xs[i]), visibility: "visible" }, []);
    say(i);
  });
  drawing.addEventListener("pointerleave", () => { cursor.setAttribute("visibility", "hidden"); say(middle); });
  return el("div", { class: "together" }, drawing, keys);
}
function whyNot() {
  const about = log.filter((entry) => entry.kind === "decision" && entry.subject === "entry" && entry.tone !== "acted");
  const line = about.findLast((entry) => entry.tone === "refused") ?? about.at(-1);
  return line ? `Last word on entries, ${line.at.slice(11, 16)}: ${line.rule} ${line.text}.` : "";
}
function drawCard(c, w, h) {
  const state = { open: "good", quarantine: "bad" }[c.state] || "warn";
  const strikes = c.strikes_points.map((k) => String(k)).join("/");
  const share = known(c.profit_pct_of_credit) ? `${signed(c.profit_pct_of_credit, 0)} %${w < 230 || c.exit_rule ? "" : " of credit"}` : c.units ? "no fresh quotes" : "";
  const keys = el("p", { class: "key" });
  const legend = [el("i", { class: "k-exp" }, "\u2500 expiry "), el("i", { class: "k-now" }, "\u2500 now "), el("i", { class: "k-vol" }, `\u2504 vol +${c.payoff?.vol_up_pct ?? 15} %`)];
  keys.append(...legend);
  const rows = [
    ["exits", `+${number(c.target_pct_of_credit, 0)} % / ${signed(c.stop_pct_of_credit, 0, " %")}`], ["shorts", c.shorts_away_points.map((p) => signed(p, 0)).join(" / ")],
    ["b/e", c.break_evens_points.map((p) => number(p, 0)).join(" / ") || NONE], ["SD, POP", `${known(c.expected_move_points) ? `\u00b1${number(c.expected_move_points, 0)}` : NONE}${known(c.profit_chance_pct) ? `, ${number(c.profit_chance_pct, 0)} %` : ""}`],
    ["theta", signed(c.theta_usd, 0, " $/day")], ["worst", dollars(known(c.max_loss_usd) ? -c.max_loss_usd : null)],
    ["delta", signed(c.delta_usd, 0, " $/pt")], ["vega", signed(c.vega_usd, 0, " $/vol pt")],
    ["gamma", signed(c.gamma_usd, 2, " $/pt\u00b2")], ["in state", hours(c.in_state_s / 3600)],
  ];
  return el("article", { class: "card", "aria-label": `Condor ${c.id}` },
    el("h3", {}, el("span", { title: c.id }, c.id.replace(/^ic-\d{4}/, "ic-"), el("small", { class: "dim", title: `${c.expiry}, ${c.dte_days} days left, closed at ${c.time_exit_dte_days}` }, w < 230 ? ` ${c.expiry.slice(5)}, ${c.dte_days} d` : ` ${c.expiry.slice(5)}, ${c.dte_days} d, out at ${c.time_exit_dte_days}`)), el("span", { class: `tag ${state}`, title: c.why }, plainWord(c.state))),
    el("div", { class: "legs" }, `${strikes} \u00d7${c.units || c.units_wanted}${c.units ? "" : " wanted"}`),
    el("div", { class: "legs" }, known(c.credit_points) ? `credit ${number(c.credit_points)}  ` : known(c.asked_points) ? `not sold yet, asking ${number(c.asked_points)}` : "not sold yet", el("b", { class: tone(c.profit_usd) }, known(c.profit_usd) ? `${gain(c.profit_usd)}, ` : "", share), c.exit_rule ? el("span", { class: "warn" }, `  closing by ${c.exit_rule}`) : ""),
    c.payoff ? drawPayoff(c, w, h, keys, legend) : el("p", { class: "empty" }, "Its payoff is drawn when an order for it works."), keys,
    el("dl", { class: "kv" }, ...rows.map(([name, text]) => [el("dt", { title: MEANT[name] }, name), el("dd", { title: MEANT[name] }, text)])));
}
const MEANT = { exits: "profit and loss at which it is closed, of the credit", shorts: "points from the index to the short strikes", "b/e": "break-evens at expiry", "SD, POP": "one standard deviation to expiry in points, and the chance to end between the break-evens" };
function drawPayoff(c, w, h, keys, legend) {
  const p = c.payoff, xs = p.spot_points;
  const left = 40, right = w - 6, top = 14, bottom = h - 17;
  const all = [...p.expiry_usd, ...(p.now_usd || []), ...(p.vol_up_usd || [])].filter(known);
  const low = Math.min(...all), high = Math.max(...all), pad = (high - low) * 0.06;
  const x = scale(xs[0], xs.at(-1), left, right), y = scale(low - pad, high + pad, bottom, top);
  const zero = y(0);
  const area = (cls, keep) => svg("path", { class: cls, d: `${path(xs, p.expiry_usd.map((v) => (keep(v) ? v : 0)), x, y)}L${x(xs.at(-1)).toFixed(1)} ${zero.toFixed(1)}L${x(xs[0]).toFixed(1)} ${zero.toFixed(1)}Z` });
  const parts = [];
  const inside = (v) => v >= xs[0] && v <= xs.at(-1);
  if (known(c.expected_move_points) && known(c.spot_points)) {
    const [a, b] = [c.spot_points - c.expected_move_points, c.spot_points + c.expected_move_points];
    parts.push(svg("rect", { class: "emband", x: x(a), width: x(b) - x(a), y: top, height: bottom - top }));
    if (x(b) - x(a) > 120) parts.push(svg("text", { x: x(a) + 2, y: top - 4 }, "\u22121 SD"), svg("text", { x: x(b) - 2, y: top - 4, "text-anchor": "end" }, "+1 SD"));
  }
  parts.push(area("gain", (v) => v > 0), area("loss", (v) => v < 0));
  for (const v of ticks(low - pad, high + pad, 4)) parts.push(svg("line", { class: v === 0 ? "axis" : "grid", x1: left, x2: right, y1: y(v), y2: y(v) }), svg("text", { x: left - 4, y: y(v) + 3.5, "text-anchor": "end" }, short(v)));
  c.strikes_points.forEach((k, i) => {
    parts.push(svg("line", { class: "axis", x1: x(k), x2: x(k), y1: bottom, y2: bottom + 4 }));
    if (i === 1 || i === 2) parts.push(svg("text", { class: "strong", x: x(k), y: h - 3, "text-anchor": "middle" }, number(k, 0)));
  });
  parts.push(svg("path", { class: "line expiry", d: path(xs, p.expiry_usd, x, y) }));
  if (p.vol_up_usd) parts.push(svg("path", { class: "line dash", d: path(xs, p.vol_up_usd, x, y) }));
  if (p.now_usd) parts.push(svg("path", { class: "line", d: path(xs, p.now_usd, x, y) }));
  if (known(c.spot_points) && inside(c.spot_points)) parts.push(svg("line", { class: "spot", x1: x(c.spot_points), x2: x(c.spot_points), y1: top, y2: bottom }), svg("text", { class: "strong", x: x(c.spot_points), y: top - 4, "text-anchor": "middle" }, number(c.spot_points, 0)));
  const cursor = svg("line", { class: "cursor", y1: top, y2: bottom, visibility: "hidden" });
  const drawing = svg("svg", { width: w, height: h, role: "img", "aria-label": `Profit in dollars by SPX level. At expiry from ${dollars(low)} to ${dollars(Math.max(...p.expiry_usd))}; break-evens ${c.break_evens_points.join(" and ")}` }, parts, cursor);
  drawing.addEventListener("pointermove", (event) => {
    const at = event.clientX - drawing.getBoundingClientRect().left;
    const i = xs.reduce((best, v, j) => (Math.abs(x(v) - at) < Math.abs(x(xs[best]) - at) ? j : best), 0);
    put(cursor, { x1: x(xs[i]), x2: x(xs[i]), visibility: "visible" }, []);
    keys.replaceChildren(`at ${number(xs[i], 0)}: `, el("i", { class: "k-exp" }, `expiry ${gain(p.expiry_usd[i])} `), p.now_usd ? el("i", { class: "k-now" }, `now ${gain(p.now_usd[i])} `) : "", p.vol_up_usd ? el("i", { class: "k-vol" }, `vol up ${gain(p.vol_up_usd[i])}`) : "");
  });
  drawing.addEventListener("pointerleave", () => { cursor.setAttribute("visibility", "hidden"); keys.replaceChildren(...legend); });
  return drawing;
}

// ---- hedge --------------------------------------------------------------------------------------
const BUSY = ["opening", "rolling", "rotating", "harvesting"];
function drawHedge(hedge, box) {
  if (!hedge.layers.length) return el("p", { class: "empty" }, hedge.unknown || NONE);
  const v = hedge.vega;
  aside("hedge", hedge.enabled ? (v && known(v.carry_usd_per_day) ? `carry ${signed(v.carry_usd_per_day, 0)} $/day against theta ${signed(v.condor_theta_usd_per_day, 0)}` : "") : "switched off");
  const layers = hedge.layers.map((layer) => el("div", { class: "layer", role: "group", "aria-label": `Layer ${layer.layer}, ${layer.days}` },
    el("div", { class: "name" }, el("b", {}, layer.layer), layer.days), ...layer.slots.map(drawSlot)));
  const moves = log.filter((line) => line.kind === "move" && line.rule === "slot" && ["active", "resting", "blocked", "dormant"].includes(line.verdict)).slice(-3).reverse();
  const told = [...new Set(moves.map((line) => `${line.at.slice(11, 16)} ${line.subject.replace(/^alvh-s0?/, "slot ")} ${line.verdict}`))];
  const last = told.length ? el("p", { class: "key moves", title: moves.map((line) => line.text).join("\n") }, `last moves: ${told.join("; ")}`) : null;
  return [...layers, drawGauge(v, hedge.unknown, Math.max(220, box.clientWidth)), last].filter(Boolean);
}
function drawSlot(slot) {
  const kind = BUSY.includes(slot.state) || slot.working ? "busy" : slot.state;
  const first = slot.held[0];
  const brief = (contract) => contract.replace(/^VIXW? \d{4}-\d\d-\d\d /, "").replace(/^(VXM?) \d{4}-/, "$1 ").replace(/^SPXW? \d{4}-\d\d-\d\d /, "SPX ");
  const names = [...new Set(slot.held.map((h) => brief(h.contract)))];
  const calls = names.every((each) => /^[\d.]+C$/.test(each)); // 20/21C says as much as 20C, 21C and fits
  const name = first ? (names.length > 2 ? `${names[0]} +${names.length - 1}` : calls ? names.map((each) => each.slice(0, -1)).join("/") + "C" : names.join(", ")) : plainWord(slot.state);
  const count = slot.held.reduce((sum, h) => sum + h.quantity, 0);
  const all = slot.held.map((h) => `${h.quantity} ${h.contract} bought at ${number(h.price_points)}, now ${number(h.mid_points)}`).join("; ");
  const words = `${slot.name} ${plainWord(slot.state)}${slot.since ? " since " + slot.since : ""}. ${all}${slot.why ? ". " + slot.why : ""}${slot.working ? ". Order: " + slot.working : ""}`;
  return el("div", { class: `slot ${kind}`, title: words, "aria-label": words, role: "img" },
    el("b", {}, el("i", {}, slot.number), first ? ` ${name}` : ""),
    el("span", {}, first ? `${known(first.days) ? number(first.days, 0) + "d" : ""} ${known(slot.usd_per_vix_point) ? signed(slot.usd_per_vix_point, 0) + "/pt" : ""}` : slot.working || name),
    first ? el("span", { class: known(slot.value_usd) ? tone(slot.value_usd - slot.cost_usd) : "" }, `${known(slot.value_usd) ? gain(slot.value_usd - slot.cost_usd) : "no quote"} \u00d7${count}`) : null);
}
function drawGauge(v, unknown, w) {
  if (!v) return el("p", { class: "empty" }, `Net vega is unknown: ${unknown}`);
  const h = 56, left = 10, right = w - 10;
  const reach = Math.max(0.45, ...[v.net_n, v.condors_n, v.low_n, v.high_n].filter(known).map(Math.abs)) * 1.05;
  const x = scale(-reach, reach, left, right);
  const parts = [svg("rect", { class: "grid", fill: "none", x: left, y: 24, width: right - left, height: 10 })];
  if (known(v.low_n) && known(v.high_n)) parts.push(svg("rect", { class: "gain", x: x(v.low_n), y: 24, width: x(v.high_n) - x(v.low_n), height: 10 }), svg("text", { x: x(v.low_n), y: 46, "text-anchor": "end" }, signed(v.low_n)), svg("text", { x: x(v.high_n), y: 46 }, signed(v.high_n)));
  if (known(v.soft_n)) parts.push(svg("line", { class: "axis", x1: x(v.soft_n), x2: x(v.soft_n), y1: 24, y2: 34 }));
  for (const edge of [v.over_short_n, v.over_long_n]) parts.push(svg("line", { class: "line bad", x1: x(edge), x2: x(edge), y1: 21, y2: 37 }));
  if (known(v.condors_n)) parts.push(svg("circle", { class: "dot bad", cx: x(v.condors_n), cy: 29, r: 4 }, svg("title", {}, `condors alone ${signed(v.condors_n, 3)}`)));
  if (known(v.net_n)) parts.push(svg("circle", { cx: x(v.net_n), cy: 29, r: 5.5, fill: "currentColor" }), svg("text", { class: "strong", x: Math.min(right - 40, Math.max(left + 40, x(v.net_n))), y: 16, "text-anchor": "middle" }, `net vega ${signed(v.net_n, 3)}`));
  else parts.push(svg("text", { x: (left + right) / 2, y: 16, "text-anchor": "middle" }, unknown || "no condor is open"));
  const usd = known(v.net_usd_per_vix_point) ? `${signed(v.condors_usd_per_vix_point, 0)} condors ${signed(v.hedge_usd_per_vix_point, 0)} hedge = ${signed(v.net_usd_per_vix_point, 0)} $ per VIX point` : unknown || NONE;
  return el("div", { title: `${v.why}. Net vega per condor and 10 points of wing; circle: condors alone; shaded: band ${plainWord(v.band)}; red: gate` },
    svg("svg", { width: w, height: h, role: "img", "aria-label": `Net vega ${signed(v.net_n, 3)}, band ${signed(v.low_n)} to ${signed(v.high_n)}, condors alone ${signed(v.condors_n, 3)}` }, parts),
    el("p", { class: "key" }, usd), el("p", { class: "key" }, `band: ${v.why}`));
}

// ---- caps ---------------------------------------------------------------------------------------
function drawCaps(caps) {
  if (!caps.length) return el("p", { class: "empty" }, "No caps yet.");
  const order = [...caps].sort((a, b) => Math.round((b.full_pct ?? 1e3) / 5) - Math.round((a.full_pct ?? 1e3) / 5));
  aside("caps", `${caps.filter((cap) => cap.exceeded).length} met, ${caps.filter((cap) => !known(cap.full_pct)).length} unknown`);
  return order.map((cap) => {
    const kind = !known(cap.full_pct) ? "unknown" : cap.exceeded ? "over" : cap.full_pct >= 70 ? "warm" : "";
    const value = `${known(cap.used) ? number(cap.used, cap.unit.startsWith("%") ? 2 : 0) : NONE} ${cap.floor ? "\u2265" : "\u2264"} ${number(cap.cap, cap.unit.startsWith("%") ? 1 : 0)} ${cap.unit.replace("% of", "%")}`;
    const bar = el("i", {});
    bar.style.setProperty("--full", `${Math.min(100, cap.full_pct ?? 0)}%`);
    return el("div", { class: `cap ${kind}` }, el("button", { type: "button", class: "plainly", "data-code": cap.code, title: `${cap.name}: what the gate said by ${cap.code}, in the decisions below` }, cap.name.replace(" days", " d"), el("span", { class: "dim" }, ` ${cap.code}`)), el("span", {}, value),
      el("div", { class: "bar", role: "meter", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": known(cap.full_pct) ? Math.min(100, Math.round(cap.full_pct)) : null, "aria-label": `${cap.name}: ${value}` }, bar));
  });
}

// ---- orders and fills ---------------------------------------------------------------------------
function drawOrders({ orders, fills }) {
  const head = (...names) => el("thead", {}, el("tr", {}, ...names.map((name) => el("th", { scope: "col", class: name.startsWith("-") ? "n" : null }, name.replace(/^-/, "")))));
  const brief = (ref) => ref.replace(/^ic-\d{4}/, "").replace(/^alvh-/, "").replace(/\.\d{8}\./, ".");
  const priced = (points) => (known(points) ? `${number(Math.abs(points))} ${points < 0 ? "cr" : "db"}` : NONE);
  const rows = orders.map((o) => el("tr", { class: o.live ? "" : "ended", title: `${o.ref} by ${o.rule}, attempt ${o.attempt}. ${o.text || ""}` }, el("td", {}, o.at), el("td", { class: "ref" }, brief(o.ref)), el("td", {}, plainWord(o.state)), el("td", { class: "n" }, `${o.filled}/${o.quantity}`), el("td", { class: "n" }, priced(o.limit_points)), el("td", { class: "n" }, priced(o.mid_points))));
  const done = fills.map((f) => el("tr", {}, el("td", {}, f.at), el("td", { class: "ref", title: f.ref }, brief(f.ref)), el("td", {}, `${f.side} ${f.quantity}`), el("td", { title: f.contract }, f.contract.replace(/ \d{4}-/, " ")), el("td", { class: "n" }, number(f.price_points)), el("td", { class: "n" }, known(f.commission_usd) ? number(f.commission_usd) : "")));
  aside("orders", `${orders.filter((o) => o.live).length} working, ${fills.length} executions today`);
  const none = (text) => el("p", { class: "empty" }, text);
  return [
    rows.length ? el("table", {}, el("caption", { class: "sr" }, "Orders today; prices in points, cr collected, db paid"), head("time", "order", "state", "-filled", "-limit", "-mid"), el("tbody", {}, ...rows)) : none("No order today."),
    done.length ? el("table", { class: "done" }, el("caption", {}, "Executions"), head("time", "order", "side", "contract", "-points", "-fee $"), el("tbody", {}, ...done)) : "",
  ];
}

// ---- decisions ----------------------------------------------------------------------------------
const log = [];
let newest = 0;
function takeLines(lines, fresh, skipped) {
  if (fresh) { log.length = 0; newest = 0; $("lines").replaceChildren(); }
  const list = $("lines"), box = list.parentElement, wanted = wants();
  const added = lines.filter((line) => line.number > newest);
  if (!added.length && !skipped) return;
  const stick = box.scrollTop, before = list.scrollHeight;
  if (skipped) list.prepend(el("li", { class: "gap" }, `${skipped} lines came too fast for this page; the journal has them`));
  for (const line of added) {
    log.push(line);
    newest = line.number;
    line.node = null;
    if (wanted(line)) {
      const day = list.querySelector("li[data-day]")?.dataset.day;
      if (day && day !== line.at.slice(0, 10)) list.prepend(daysEnd(day));
      list.prepend((line.node = drawLine(line)));
    }
  }
  let held = log.reduce((sum, line) => sum + (line.tone === "held"), 0);
  while (log.length > LINES_KEPT) {
    const at = held > HELD_KEPT ? log.findIndex((line) => line.tone === "held") : 0;
    const [gone] = log.splice(at, 1);
    held -= gone.tone === "held";
    gone.node?.remove();
  }
  while (list.childElementCount > LINES_KEPT) list.lastElementChild.remove();
  if (stick > 4) box.scrollTop = stick + list.scrollHeight - before;
  empty();
  const whynot = $("whynot");
  if (whynot) whynot.textContent = whyNot();
}
function empty() {
  aside("log", `${$("lines").childElementCount} of ${log.length} lines kept here`);
}
function wants() {
  const form = new FormData($("filters"));
  const words = String(form.get("find") || "").toLowerCase().split(/\s+/).filter(Boolean);
  return (line) => form.has(line.tone) && words.every((word) => `${line.rule} ${line.subject} ${line.verdict} ${line.text}`.toLowerCase().includes(word));
}
function filter() {
  const wanted = wants();
  const nodes = [];
  for (const line of log) {
    if (!wanted(line)) continue;
    const day = nodes[0]?.dataset.day;
    if (day && day !== line.at.slice(0, 10)) nodes.unshift(daysEnd(day));
    nodes.unshift((line.node ||= drawLine(line)));
  }
  $("lines").replaceChildren(...nodes);
  empty();
}
const daysEnd = (day) => el("li", { class: "gap" }, day);
function drawLine(line) {
  const head = [el("time", {}, line.at.slice(11)), el("span", { class: "what" }, `${line.rule} ${line.verdict}`), el("span", { class: "text" }, line.subject ? el("span", { class: "dim" }, line.subject, " ") : "", line.text)];
  const rows = Object.entries(line.detail || {}).filter(([, value]) => value && (typeof value !== "object" || Object.keys(value).length));
  const day = line.at.slice(0, 10);
  if (!rows.length) return el("li", { class: `t-${line.tone}`, "data-day": day }, el("details", {}, el("summary", {}, ...head), el("dl", {}, el("dt", {}, "moment"), el("dd", {}, line.at))));
  const values = (value) => (Array.isArray(value) ? value.join("; ") || "none" : typeof value === "object" ? Object.entries(value).map(([k, v]) => `${k} = ${v ?? NONE}`).join(", ") : value);
  if (known(line.near)) rows.push(["distance", `${number(100 * line.near, 1)} % of the threshold`]);
  if (line.ref) rows.push(["order", line.ref]);
  return el("li", { class: `t-${line.tone}`, "data-day": day }, el("details", {}, el("summary", {}, ...head), el("dl", {}, ...rows.map(([name, value]) => [el("dt", {}, name), el("dd", {}, values(value))]))));
}

// ---- faults -------------------------------------------------------------------------------------
function drawFaults({ blind, alerts, day }, box) {
  const today = alerts.filter((a) => a.at.startsWith(day));
  const w = Math.max(180, box.clientWidth - 4), h = 40, left = 4, right = w - 4;
  const x = scale(570, 975, left, right);
  const at = (stamp) => (stamp && stamp.startsWith(day) ? Math.min(right, Math.max(left, x(minutes(stamp.slice(11))))) : null);
  const parts = [svg("line", { class: "axis", x1: left, x2: right, y1: 22, y2: 22 })];
  for (const [clock, text, anchor] of [[570, "09:30", "start"], [750, "12:30", "middle"], [975, "16:15", "end"]]) parts.push(svg("line", { class: "axis", x1: x(clock), x2: x(clock), y1: 22, y2: 26 }), svg("text", { x: x(clock), y: 37, "text-anchor": anchor }, text));
  const spans = blind.filter((s) => s.from.startsWith(day) || !s.to || s.to.startsWith(day));
  for (const s of spans) {
    const from = at(s.from) ?? left, to = s.to ? at(s.to) ?? right : at(view.bar.time) ?? right;
    parts.push(svg("rect", { class: "loss", stroke: "currentColor", x: from, y: 6, width: Math.max(2, to - from), height: 16 }, svg("title", {}, `without a link from ${s.from} to ${s.to || "now"}: ${s.reason}`)));
  }
  for (const a of today) if (known(at(a.at))) parts.push(svg("circle", { class: "dot bad", cx: at(a.at), cy: 14, r: 3 }, svg("title", {}, `${a.at} ${a.text}`)));
  aside("faults", spans.length ? `${number(spans.reduce((sum, s) => sum + s.seconds, 0), 0)} s without a link today` : "");
  const rows = [...today.map((a) => ({ at: a.at, text: a.text, bad: a.verdict === "critical" })), ...spans.map((s) => ({ at: s.from, text: `link ${s.state}: ${s.reason} (${s.to ? number(s.seconds, 0) + " s" : "still"})`, bad: !s.to }))].sort((a, b) => (a.at < b.at ? 1 : -1));
  return [svg("svg", { width: w, height: h, role: "img", "aria-label": `Faults of the session: ${today.length} alerts, ${spans.length} stretches without a link` }, parts),
    rows.length ? el("ul", { class: "faultlist" }, ...rows.map((r) => el("li", { class: r.bad ? "bad" : "" }, el("time", {}, r.at.slice(11)), r.text))) : el("p", { class: "empty" }, "No fault and no alert today.")];
}

// ---- all of it ----------------------------------------------------------------------------------
function draw() {
  if (!view) return;
  drawBar(view.bar, view.orders, view.blind);
  section("market", view.market, drawMarket);
  section("result", { money: view.money, parts: view.parts }, drawResult);
  section("condors", { condors: view.condors, book: view.book, how: looked() }, drawCondors);
  section("hedge", { hedge: view.lattice, moved: log.findLast((line) => line.kind === "move" && line.rule === "slot")?.number }, ({ hedge }, box) => drawHedge(hedge, box));
  section("caps", view.caps, drawCaps);
  section("orders", { orders: view.orders, fills: view.fills }, drawOrders);
  section("faults", { blind: view.blind, alerts: log.filter((l) => l.kind === "alert" && l.tone === "fault" && !l.rule.startsWith("link.")).map(({ at, text, verdict }) => ({ at, text, verdict })), day: view.bar.time.slice(0, 10) }, drawFaults);
}

// ---- the stream ---------------------------------------------------------------------------------
let stream = null, heard = performance.now(), silent = null, ended = null;
function listen() {
  stream?.close();
  stream = new EventSource("/stream");
  stream.addEventListener("look", (message) => {
    const told = JSON.parse(message.data);
    heardNow(told.silent_s);
    if (told.view) view = told.view;
    takeLines(told.lines, told.fresh, told.skipped);
    draw();
  });
  stream.addEventListener("beat", (message) => heardNow(JSON.parse(message.data).silent_s));
  stream.addEventListener("bye", (message) => { ended = JSON.parse(message.data).text || "the bot has stopped"; watch(); });
}
function heardNow(silentFor) { heard = performance.now(); silent = silentFor; ended = null; watch(); }
function watch() {
  const quietMs = performance.now() - heard;
  let words = "";
  if (ended !== null) words = `ENDED: ${ended}. What you see is the last picture.`;
  else if (quietMs > STALE_AFTER_MS) words = `STREAM STOPPED ${Math.round(quietMs / 1000)} s ago. What you see is old. The kill button may still work; "condor kill" at the terminal does.`;
  else if (known(silent) && silent > SILENT_AFTER_S) words = `THE BOT IS SILENT for ${Math.round(silent)} s: its loop has handled nothing. A kill works through the latch file.`;
  const box = $("stale");
  box.hidden = !words;
  if (box.textContent !== words) box.textContent = words;
  document.body.classList.toggle("old", Boolean(words));
  if (words) title(`\u25cc ${ended !== null ? "ended" : "no news"} - condor`);
  if (quietMs > STALE_AFTER_MS && stream?.readyState === EventSource.CLOSED) listen();
}

// ---- orders of a person -------------------------------------------------------------------------
async function order(verb, reason, word = "") {
  let text, failed = true;
  try {
    const answer = await fetch(`/api/${verb}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ reason, word }), signal: AbortSignal.timeout(5000) });
    failed = !answer.ok;
    text = failed && answer.status === 403 ? "NOT DONE: this page is not signed in any more; open the link in STATE/web.url" : (await answer.json()).text;
  } catch (reasonOfFailure) {
    text = `NOT DONE: the dashboard does not answer (${reasonOfFailure.name}). Use "condor ${verb}" at the terminal`;
  }
  $("said").className = failed ? "failed" : "";
  $("said").textContent = text;
  $("said").hidden = false;
  if (!failed) setTimeout(() => { $("said").hidden = true; }, 15000);
}
const ASKED = {
  pause: ["Pause", "No new condors; a resting entry is withdrawn. Exits, defence and the hedge go on."],
  reduce: ["Reduce", "Only orders that are proven to reduce risk, until armed. Exits go on."],
  flatten: ["Flatten", "Every order of the bot is cancelled, then every condor is closed whole, then the hedge is sold: limit orders that only close, within the collar; outside the session they wait for the open. Then HALTED. What others hold or have working is not touched. A kill ends it at any moment."],
  kill: ["KILL", "Every order is cancelled, of other clients and hands too. Positions are kept, and nothing looks after them: no stop, no exit. Only \"condor arm\" at the terminal ends it."],
};
function ask(verb) {
  const [name, words] = ASKED[verb];
  const dialog = $("ask");
  if (dialog.open) return;
  $("ask-title").textContent = name;
  $("ask-text").textContent = words;
  $("ask-yes").textContent = verb === "kill" ? "KILL now" : name;
  $("ask-yes").className = verb;
  $("ask-reason").value = $("ask-word").value = "";
  $("ask-typed").hidden = verb !== "flatten";
  $("ask-yes").disabled = verb === "flatten"; // until the word is typed
  dialog.returnValue = "no";
  dialog.onclose = () => {
    if (dialog.contains(document.activeElement)) document.activeElement.blur(); // or keys would go on to a hidden field
    if (dialog.returnValue === "yes") order(verb, $("ask-reason").value || "pressed on the dashboard", $("ask-word").value);
  };
  dialog.showModal();
  $("ask-reason").focus();
}
function holdToKill(button) {
  let timer = null, fired = 0;
  const start = (event) => {
    if (timer !== null || (event.button ?? 0) !== 0) return;
    button.classList.add("held");
    timer = setTimeout(() => { fired = performance.now(); stop(); order("kill", "KILL held on the dashboard"); }, HOLD_MS);
  };
  const stop = () => { clearTimeout(timer); timer = null; button.classList.remove("held"); };
  button.addEventListener("pointerdown", start);
  for (const name of ["pointerup", "pointerleave", "pointercancel", "blur", "keyup"]) button.addEventListener(name, stop);
  button.addEventListener("keydown", (event) => { if (event.key === " " || event.key === "Enter") { event.preventDefault(); if (!event.repeat) start(event); } });
  // Who cannot hold (voice control, some screen readers) sends a click without a pointer: a dialog asks instead.
  button.addEventListener("click", (event) => { if (event.detail === 0 && performance.now() - fired > 1500) ask("kill"); });
  button.addEventListener("contextmenu", (event) => event.preventDefault());
}

holdToKill($("kill"));
$("pause").addEventListener("click", () => ask("pause"));
$("reduce").addEventListener("click", () => ask("reduce"));
$("flatten").addEventListener("click", () => ask("flatten"));
$("ask-word").addEventListener("input", () => { $("ask-yes").disabled = !$("ask-typed").hidden && $("ask-word").value.trim() !== "FLATTEN"; });
$("buttons").hidden = false;
$("filters").addEventListener("input", filter);
$("caps").addEventListener("click", (event) => {
  const code = event.target.closest("[data-code]")?.dataset.code;
  if (!code) return;
  $("filters").elements.find.value = code;
  filter();
  $("filters").elements.find.focus();
});
function lookAgain() {
  const how = looked();
  $("when").hidden = !how.together;
  $("dayswords").textContent = daysWords(how.days);
  draw();
}
$("look").addEventListener("input", lookAgain);
$("look").addEventListener("submit", (event) => event.preventDefault());
$("look").reset();
lookAgain();
$("filters").addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("ask").open || event.target.closest("input:not(#ask-reason, #ask-word)")) return;
  const verb = { k: "kill", p: "pause", r: "reduce", f: "flatten" }[event.key];
  if (verb) { event.preventDefault(); ask(verb); }
});
let resized = 0;
addEventListener("resize", () => { cancelAnimationFrame(resized); resized = requestAnimationFrame(() => { shown.clear(); draw(); }); });
setInterval(watch, 1000);
listen();
