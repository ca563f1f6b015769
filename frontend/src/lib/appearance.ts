// SPDX-License-Identifier: Apache-2.0
// Light, dark, or as the system says: a wish of this browser (or of the
// window), kept in it and nowhere else.

export type Appearance = "system" | "light" | "dark";

const storageKey = "standpipe-appearance";

export function appearance(): Appearance {
  const kept = localStorage.getItem(storageKey);
  return kept === "light" || kept === "dark" ? kept : "system";
}

/** Shows the page as was wished. */
export function applyAppearance() {
  const wish = appearance();
  if (wish === "system") delete document.documentElement.dataset.appearance;
  else document.documentElement.dataset.appearance = wish;
}

export function setAppearance(wish: Appearance) {
  if (wish === "system") localStorage.removeItem(storageKey);
  else localStorage.setItem(storageKey, wish);
  applyAppearance();
}
