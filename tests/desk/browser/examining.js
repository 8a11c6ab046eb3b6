// Looks at a page from within; see examining.py.

const shown = (element) =>
  element.checkVisibility({ opacityProperty: false, visibilityProperty: true, contentVisibilityAuto: true });
const name = (element) => `<${element.tagName.toLowerCase()}${element.id ? ` id=${element.id}` : ""} class="${element.getAttribute("class") ?? ""}"> ${(element.textContent ?? "").trim().slice(0, 50)}`;
const ofIds = (ids) => (ids ?? "").split(/\s+/).map((id) => document.getElementById(id)?.textContent ?? "").join(" ");

function named(element) {
  const words = [
    element.getAttribute("aria-label"), ofIds(element.getAttribute("aria-labelledby")), element.textContent,
    element.getAttribute("title"), ...[...element.querySelectorAll("[aria-label], img[alt]")].map((one) => one.getAttribute("aria-label") ?? one.alt),
  ];
  return words.some((one) => (one ?? "").trim() !== "");
}

function labelled(field) {
  const labels = [...(field.labels ?? [])].map((label) => {
    const copy = label.cloneNode(true);
    copy.querySelectorAll("input, select, textarea").forEach((one) => one.remove());
    return copy.textContent;
  });
  return [...labels, field.getAttribute("aria-label"), ofIds(field.getAttribute("aria-labelledby"))].some((one) => (one ?? "").trim() !== "");
}

function structure() {
  const wrong = [];
  const count = (selector, wanted) => {
    const found = [...document.querySelectorAll(selector)].length;
    if (found !== wanted) wrong.push(`expected ${wanted} ${selector}, found ${found}`);
  };
  count("h1", 1);
  count("main", 1);
  if (!document.documentElement.lang) wrong.push("no language");
  if (!document.title.trim()) wrong.push("no title");
  for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    if (!labelled(field)) wrong.push(`no label: ${name(field)} ${field.name}`);
  }
  for (const one of document.querySelectorAll("button, a[href], summary")) {
    // The dialog's button is named by the script that opens it.
    if (!named(one) && !one.closest("dialog:not([open])")) wrong.push(`no name: ${name(one)}`);
  }
  for (const one of document.querySelectorAll("img:not([alt]), iframe:not([title])")) wrong.push(`no text for ${name(one)}`);
  for (const one of document.querySelectorAll("svg[role=img], svg[role=group], nav, dialog[open], table:not(:has(caption)) th:not([scope])")) {
    if (!one.hasAttribute("aria-label") && !one.hasAttribute("aria-labelledby")) wrong.push(`no name: ${name(one)}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  for (const id of new Set(ids.filter((one, place) => ids.indexOf(one) !== place))) wrong.push(`id twice: ${id}`);
  let before = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
    if (!shown(heading)) continue;
    const level = Number(heading.tagName[1]);
    if (level > before + 1) wrong.push(`a level left out before ${name(heading)}`);
    before = level;
  }
  return wrong;
}

const brush = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });

function rgba(colour) {
  brush.clearRect(0, 0, 1, 1);
  brush.fillStyle = colour;
  brush.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
}

const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];

function behind(element) {
  const layers = [];
  for (let at = element; at; at = at.parentElement) {
    const colour = rgba(getComputedStyle(at).backgroundColor);
    if (colour[3] > 0) layers.push(colour);
    if (colour[3] === 1) break;
  }
  return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
}

function light([r, g, b]) {
  const [x, y, z] = [r, g, b].map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
}

function contrast(least) {
  const wrong = new Map();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.textContent.trim() || !shown(element) || element.closest(":disabled, script, style, option, title, .unseen")) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    const colour = rgba(element instanceof SVGElement ? style.fill : style.color);
    for (let at = element; at; at = at.parentElement) colour[3] *= Number(getComputedStyle(at).opacity);
    const [high, low] = [light(over(colour, ground)), light(ground)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < least) wrong.set(`${element.tagName} ${element.getAttribute("class")}`, `${ratio.toFixed(2)}: ${name(element)}`);
  }
  for (const field of document.querySelectorAll("input[placeholder]:placeholder-shown")) {
    if (!shown(field)) continue;
    const [ground, colour] = [behind(field), rgba(getComputedStyle(field, "::placeholder").color)];
    const [high, low] = [light(over(colour, ground)), light(ground)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < least) wrong.set(`placeholder ${field.name}`, `${ratio.toFixed(2)}: placeholder of ${name(field)}`);
  }
  return [...wrong.values()];
}

function tooWide() {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.querySelectorAll("body *")]
    .filter((one) => one.getBoundingClientRect().right > width + 0.5)
    .map((one) => `${Math.round(one.getBoundingClientRect().right)} px: ${name(one)}`)
    .slice(0, 12);
}

const mark = (one) =>
  [one.tagName.toLowerCase(), one.id, one.getAttribute("name"), one.getAttribute("href"), one.dataset?.key, one.getAttribute("aria-label"), one.getAttribute("href") ? "" : (one.textContent ?? "").trim().slice(0, 40)].filter(Boolean).join(" ");

function stops() {
  return [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]")]
    .filter((one) => one.tabIndex >= 0 && !one.disabled && shown(one))
    .map(mark);
}

function focused() {
  const at = document.activeElement;
  if (at === null || at === document.body || at === document.documentElement) return null;
  const style = getComputedStyle(at);
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  const box = at.getBoundingClientRect();
  const circle = at.querySelector?.("circle");
  const drawn = circle !== null && circle !== undefined && getComputedStyle(circle).stroke !== "none";
  const inside = at.closest(".scroll, .wide-chart, nav") !== null || (box.right > 0 && box.left < innerWidth);
  return { mark: mark(at), visible: (outlined || drawn || style.boxShadow !== "none") && box.width > 0 && inside };
}
