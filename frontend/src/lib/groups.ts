// SPDX-License-Identifier: Apache-2.0
import type { Accounts, Connection, Integration } from "./api/types";

/** An integration with the accounts that are connected through it. */
export interface Row {
  integration: Integration;
  connections: Connection[];
}

export interface Groups {
  connected: Row[];
  available: Row[];
  needsSetup: Row[];
}

/** The section a row belongs to: what has accounts first, then what can be connected at once. */
export function group(accounts: Accounts): Groups {
  const byIntegration = new Map<string, Connection[]>();
  for (const c of accounts.connections) {
    if (c.state === "disconnected") continue;
    byIntegration.set(c.integration, [...(byIntegration.get(c.integration) ?? []), c]);
  }
  const out: Groups = { connected: [], available: [], needsSetup: [] };
  const known = new Set<string>();
  for (const integration of [...accounts.integrations].sort((a, b) => a.name.localeCompare(b.name))) {
    known.add(integration.slug);
    const row = { integration, connections: byIntegration.get(integration.slug) ?? [] };
    if (row.connections.length > 0) out.connected.push(row);
    else if (integration.state === "ready") out.available.push(row);
    else out.needsSetup.push(row);
  }
  // A connection outlives its integration: it must stay visible.
  for (const [slug, connections] of byIntegration) {
    if (!known.has(slug)) out.connected.push({ integration: orphan(slug, connections), connections });
  }
  out.connected.sort((a, b) => Number(wantsUser(b)) - Number(wantsUser(a)));
  return out;
}

const wantsUser = (row: Row) => row.connections.some((c) => c.state === "needs_reauthorization");

/** The rows whose name, description or account contains every word asked for. */
export function filter(groups: Groups, query: string): Groups {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return groups;
  const match = ({ integration, connections }: Row) => {
    const text = [integration.name, integration.slug, integration.description]
      .concat(connections.flatMap(({ account: a }) => [a.label, a.name ?? "", a.email ?? ""]))
      .join(" ")
      .toLowerCase();
    return words.every((w) => text.includes(w));
  };
  return {
    connected: groups.connected.filter(match),
    available: groups.available.filter(match),
    needsSetup: groups.needsSetup.filter(match),
  };
}

export const total = (g: Groups) => g.connected.length + g.available.length + g.needsSetup.length;

export type Tone = "good" | "warn" | "bad" | "idle";

export interface Status {
  tone: Tone;
  word: string;
}

export function connectionStatus(c: Connection): Status {
  if (c.state === "needs_reauthorization") return { tone: "bad", word: "Needs reauthorization" };
  if (c.state === "disconnected") return { tone: "idle", word: "Disconnected" };
  if (c.health) return { tone: "warn", word: "Connected, with trouble" };
  if (c.missing_scopes.length > 0) return { tone: "warn", word: "Connected, permissions missing" };
  return { tone: "good", word: "Connected" };
}

export function integrationStatus(i: Integration): Status {
  switch (i.state) {
    case "ready":
      return { tone: "idle", word: "Not connected" };
    case "needs_setup":
      return { tone: "idle", word: "Needs set-up" };
    case "disabled":
      return { tone: "idle", word: "Disabled" };
    case "unavailable":
      return { tone: "bad", word: "Unavailable" };
  }
}

/** Whether an integration's problem is news: not that nobody has set it up yet, nor that it was switched off. */
export const tellProblem = (i: Integration) =>
  i.state !== "disabled" && !(i.state === "needs_setup" && !i.credentials);

/** What to write beside an account's label: its other names. */
export function accountDetail(c: Connection): string {
  return [c.account.name, c.account.email].filter((s) => s && s !== c.account.label).join(" · ");
}

function orphan(slug: string, connections: Connection[]): Integration {
  return {
    slug,
    provider: connections[0]?.provider ?? slug,
    name: slug,
    description: "",
    icon: "",
    docs_url: "",
    console_url: "",
    setup_steps: [],
    state: "unavailable",
    problem: "This integration is no longer set up here.",
    enabled: false,
    from_file: false,
    credentials: "",
    credentials_offered: [],
    client_id: "",
    client_secret_set: false,
    client_secret_hint: "",
    secret_required: false,
    redirect_uri: "",
    scopes: [],
    config: [],
    capabilities: [],
  };
}
