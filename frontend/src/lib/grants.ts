// SPDX-License-Identifier: Apache-2.0
// Grants that are asked for, and what limits them, in words.
import type { Grant, NewGrant } from "./api/access";

/** Asks for the very grant that g is: nothing that limits it is left out. */
export function sameAs(g: Grant, now = Date.now()): NewGrant {
  return {
    integration: g.integration,
    connection: g.connection,
    scopes: g.scopes,
    accept_wider: g.accept_wider,
    audience: g.audience,
    mode: g.mode,
    lasts: g.lasts,
    for: g.expires_at ? Math.max(1, Math.round((Date.parse(g.expires_at) - now) / 1000)) : undefined,
  };
}

/** What a grant does not give, a sentence's part each. */
export function limits(g: Grant): string[] {
  const out: string[] = [];
  if (g.mode === "relay") out.push("relay only, no token");
  if (g.scopes?.length) out.push(`only ${g.scopes.join(", ")}${g.accept_wider ? ", or a wider token" : ""}`);
  if (g.audience) out.push(`for ${g.audience} only`);
  return out;
}
