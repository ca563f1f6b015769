// SPDX-License-Identifier: Apache-2.0
import type { Integration } from "./api/types";

export const otherCategory = "Other";

/** What kind of service it is, as its provider says. */
export const categoriesOf = (i: Integration): string[] =>
  i.categories?.length ? i.categories : [otherCategory];

/** The categories of some providers, by name, what has none last. */
export function allCategories(list: Integration[]): string[] {
  const present = new Set(list.flatMap(categoriesOf));
  return [...present].sort(
    (a, b) => Number(a === otherCategory) - Number(b === otherCategory) || a.localeCompare(b),
  );
}

/** "crm" → "CRM", "mail" → "Mail". */
export const categoryWords = (c: string): string =>
  c.length <= 3 ? c.toUpperCase() : c.charAt(0).toUpperCase() + c.slice(1);
