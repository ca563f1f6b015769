// SPDX-License-Identifier: Apache-2.0
// Hash routes: the native window injects its runtime at the root path only.

export type Route =
  { page: "accounts" } | { page: "integration"; slug: string } | { page: "unknown"; hash: string };

/** Reads a location.hash. */
export function parseRoute(hash: string): Route {
  const path = hash.replace(/^#/, "");
  if (path === "" || path === "/") return { page: "accounts" };
  const m = /^\/integrations\/([^/]+)\/?$/.exec(path);
  if (m?.[1]) {
    try {
      return { page: "integration", slug: decodeURIComponent(m[1]) };
    } catch {
      // A broken escape is no route.
    }
  }
  return { page: "unknown", hash };
}

export const accountsHref = "#/";
export const integrationHref = (slug: string) => `#/integrations/${encodeURIComponent(slug)}`;
