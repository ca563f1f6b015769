// SPDX-License-Identifier: Apache-2.0
// Text on its ground has a contrast of 4.5 at least (WCAG 2.2, 1.4.3), in both
// appearances; what only marks something has 3 (1.4.11).
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";

const css = readFileSync(resolve(process.cwd(), "src/styles/tokens.css"), "utf8");
const tokens = new Map(
  [...css.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);/g)].map((m) => [
    m[1]!,
    [m[2]!, m[3]!] as const,
  ]),
);

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5]
    .map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}
function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high! + 0.05) / (low! + 0.05);
}

const pairs: [text: string, grounds: string[], least: number][] = [
  [
    "text",
    ["bg", "bg-nav", "surface", "sunken", "hover", "info-bg", "warn-bg", "bad-bg", "accent-soft"],
    4.5,
  ],
  ["muted", ["bg", "bg-nav", "surface", "sunken", "hover", "info-bg", "warn-bg", "bad-bg"], 4.5],
  ["accent", ["bg", "surface", "accent-soft", "info-bg"], 4.5],
  ["on-accent", ["accent", "accent-hover"], 4.5],
  ["good", ["surface", "sunken", "bg"], 4.5],
  ["warn", ["surface", "sunken", "bg", "warn-bg"], 4.5],
  ["bad", ["surface", "sunken", "bg", "bad-bg", "hover"], 4.5],
  ["surface", ["bad"], 4.5], // the count in the navigation
  ["line-strong", ["surface"], 3],
];

test.each(["light", "dark"])("contrast, %s", (scheme) => {
  const at = scheme === "light" ? 0 : 1;
  expect(tokens.size).toBeGreaterThan(20);
  const weak = pairs.flatMap(([text, grounds, least]) =>
    grounds
      .map((g) => ({
        pair: `${text} on ${g}`,
        ratio: contrast(tokens.get(text)![at], tokens.get(g)![at]),
        least,
      }))
      .filter((p) => p.ratio < p.least)
      .map((p) => `${p.pair}: ${p.ratio.toFixed(2)}`),
  );
  expect(weak).toEqual([]);
});
