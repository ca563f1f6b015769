// SPDX-License-Identifier: Apache-2.0
// Hash routes: the native window injects its runtime at the root path only.

/** The pages of the navigation, in its order. */
export const sections = ["accounts", "providers", "apps", "activity", "settings"] as const;
export type Section = (typeof sections)[number];

export type Route =
  | { page: Section; query: URLSearchParams }
  | { page: "connection"; id: string }
  | { page: "integration"; slug: string }
  | { page: "custom"; slug: string } // empty: a new one
  | { page: "unknown"; hash: string };

/** Reads a location.hash. */
export function parseRoute(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#/, "").split("?");
  const query = new URLSearchParams(search);
  let parts: string[];
  try {
    parts = path.split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    return { page: "unknown", hash }; // a broken escape is no route
  }
  const [head, name] = parts;
  if (!head) return { page: "accounts", query };
  if (parts.length === 1) {
    if (head === "custom") return { page: "custom", slug: "" };
    const section = sections.find((s) => s === head);
    return section ? { page: section, query } : { page: "unknown", hash };
  }
  if (parts.length === 2 && name) {
    if (head === "connections") return { page: "connection", id: name };
    if (head === "integrations") return { page: "integration", slug: name };
    if (head === "custom") return { page: "custom", slug: name };
  }
  return { page: "unknown", hash };
}

/** The entry of the navigation under which a route stands. */
export function sectionOf(route: Route): Section | undefined {
  switch (route.page) {
    case "connection":
      return "accounts";
    case "integration":
    case "custom":
      return "providers";
    case "unknown":
      return undefined;
    default:
      return route.page;
  }
}

const segment = encodeURIComponent;
export const accountsHref = "#/";
export const sectionHref = (s: Section) => (s === "accounts" ? accountsHref : `#/${s}`);
export const connectionHref = (id: string) => `#/connections/${segment(id)}`;
export const integrationHref = (slug: string) => `#/integrations/${segment(slug)}`;
/** The form of a provider that is declared here; without a slug, of a new one. */
export const customHref = (slug = "") => (slug ? `#/custom/${segment(slug)}` : "#/custom");
export const activityHref = (filter: Record<string, string>) => `#/activity?${new URLSearchParams(filter)}`;
/** The accounts page with one account in view. */
export const accountHref = (id: string) => `#/?account=${segment(id)}`;
