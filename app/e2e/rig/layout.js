// SPDX-License-Identifier: Apache-2.0
// The body of a function that returns what is wrong with where things stand on
// the page, in words: what sticks out, is cut off, or lies over something else.
const found = new Set();
const width = document.documentElement.clientWidth;
const layer = document.querySelector("dialog:modal") ?? document.body;
const name = (e) =>
  `<${e.tagName.toLowerCase()}${e.dataset?.testid ? ` ${e.dataset.testid}` : e.className ? ` .${String(e.className.baseVal ?? e.className).split(" ")[0]}` : ""}> “${(e.textContent ?? "").trim().replace(/\s+/g, " ").slice(0, 40)}”`;
const style = (e) => getComputedStyle(e);
const ancestors = function* (e) {
  for (; e && e !== document.documentElement; e = e.parentElement) yield e;
};
// For screen readers only, or what shows itself at the focus.
const unseen = (e) => [...ancestors(e)].some((a) => style(a).clipPath !== "none" || a.matches(".skip:not(:focus)"));
const scrolls = (e) => [...ancestors(e.parentElement)].some((a) => /auto|scroll/.test(style(a).overflowX) && a.scrollWidth > a.clientWidth);

if (document.scrollingElement.scrollWidth > width)
  found.add(`the page scrolls sideways: ${document.scrollingElement.scrollWidth} of ${width} px`);

const wide = [];
const seen = [...layer.querySelectorAll("*")].filter(
  (e) => e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !e.closest("svg svg, svg *") && !unseen(e),
);
for (const e of seen) {
  const box = e.getBoundingClientRect();
  const s = style(e);
  if (box.width === 0 || box.height === 0) continue;
  if ((box.right > width + 1 || box.left < -1) && !scrolls(e)) wide.push(e);
  if (!e.clientWidth || /^(input|select|textarea|svg)$/i.test(e.tagName)) continue;
  const cut = s.overflowX === "hidden" || s.overflowX === "clip";
  const shortened = s.textOverflow === "ellipsis" || s.webkitLineClamp !== "none";
  if (e.scrollWidth > e.clientWidth + 1 && !/auto|scroll/.test(s.overflowX) && !(cut && shortened))
    found.add(`${cut ? "is cut off" : "is too wide for its box"}: ${name(e)} ${e.scrollWidth} of ${e.clientWidth} px`);
  if (s.overflowY === "hidden" && !shortened && e.scrollHeight > e.clientHeight + 1) found.add(`is cut off below: ${name(e)}`);
}

// The cause of a wide box is within it.
for (const e of wide)
  if (!wide.some((inner) => inner !== e && e.contains(inner))) found.add(`sticks out sideways: ${name(e)}`);

// Texts and controls that share a place. A control contains its own text; a
// fixed or sticky bar and an open menu lie over the page on purpose.
const floats = (e) => [...ancestors(e)].find((a) => a !== layer && (/fixed|sticky/.test(style(a).position) || a.matches("[role=menu]"))) ?? null;
// What is left of a box within the boxes that cut off what is in them.
const shown = (e, { left, right, top, bottom }) => {
  for (const a of ancestors(e)) {
    if (a === layer) break; // what is scrolled out of a dialog is looked at too
    if (style(a).overflow === "visible") continue;
    const b = a.getBoundingClientRect();
    [left, right, top, bottom] = [Math.max(left, b.left), Math.min(right, b.right), Math.max(top, b.top), Math.min(bottom, b.bottom)];
  }
  return { left, right, top, bottom };
};
const marks = [];
const walk = document.createTreeWalker(layer, NodeFilter.SHOW_TEXT);
for (let n = walk.nextNode(); n; n = walk.nextNode()) {
  const e = n.parentElement;
  if (!n.data.trim() || !e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || e.closest("svg, option") || unseen(e)) continue;
  const range = document.createRange();
  range.selectNodeContents(n);
  for (const r of range.getClientRects()) marks.push({ e, r: shown(e, r), float: floats(e) });
}
for (const e of seen)
  if (e.matches("button, input, select, textarea, [role=button]")) marks.push({ e, r: e.getBoundingClientRect(), float: floats(e) });
for (let i = 0; i < marks.length; i++)
  for (let j = i + 1; j < marks.length; j++) {
    const [a, b] = [marks[i], marks[j]];
    if (a.float !== b.float || a.e === b.e || a.e.contains(b.e) || b.e.contains(a.e)) continue;
    const across = Math.min(a.r.right, b.r.right) - Math.max(a.r.left, b.r.left);
    const down = Math.min(a.r.bottom, b.r.bottom) - Math.max(a.r.top, b.r.top);
    // Boxes of text are higher than its letters.
    if (across > 2 && down > 5) found.add(`overlap: ${name(a.e)} and ${name(b.e)}`);
  }
return [...found];
