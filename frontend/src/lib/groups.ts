// SPDX-License-Identifier: Apache-2.0
import type { Accounts, Connection, Health, Hub, Integration, ProviderHealth } from "./api/types";
import { clock, nextTry } from "./time";

/** An integration with the accounts that are connected through it. */
export interface Row {
  integration: Integration;
  connections: Connection[];
}

export interface Groups {
  connected: Row[];
  available: Row[];
  /** Set up, and switched off or not usable at the moment. */
  switchedOff: Row[];
  /** Set up, but not completely. */
  needsSetup: Row[];
  /** Nobody has set these up: they stand on the page of the providers. */
  unset: Row[];
}

/** The section a row belongs to: what has accounts first, then what can be connected at once. */
export function group(accounts: Accounts): Groups {
  const byIntegration = new Map<string, Connection[]>();
  for (const c of accounts.connections) {
    if (c.state === "disconnected") continue;
    byIntegration.set(c.integration, [...(byIntegration.get(c.integration) ?? []), c]);
  }
  const out: Groups = { connected: [], available: [], switchedOff: [], needsSetup: [], unset: [] };
  const known = new Set<string>();
  for (const integration of [...accounts.integrations].sort((a, b) => a.name.localeCompare(b.name))) {
    known.add(integration.slug);
    const row = { integration, connections: byIntegration.get(integration.slug) ?? [] };
    if (row.connections.length > 0) out.connected.push(row);
    else if (integration.state === "ready") out.available.push(row);
    else if (integration.state === "needs_setup")
      (integration.credentials || integration.from_file || integration.damaged
        ? out.needsSetup
        : out.unset
      ).push(row);
    else out.switchedOff.push(row);
  }
  // A connection outlives its integration: it must stay visible.
  for (const [slug, connections] of byIntegration) {
    if (!known.has(slug)) out.connected.push({ integration: orphan(slug, connections), connections });
  }
  out.connected.sort((a, b) => Number(wantsUser(b)) - Number(wantsUser(a)));
  return out;
}

const wantsUser = (row: Row) => row.connections.some((c) => c.state === "needs_reauthorization");

/**
 * The rows whose name, description or account contains every word asked for; of
 * a row that is found by its accounts, those accounts only.
 */
export function filter(groups: Groups, query: string): Groups {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return groups;
  const match = (texts: (string | undefined)[]) => {
    const text = texts.join(" ").toLowerCase();
    return words.every((w) => text.includes(w));
  };
  return mapGroups(groups, (rows) =>
    rows.flatMap((row) => {
      const own = [row.integration.name, row.integration.slug, row.integration.description];
      if (match(own)) return [row];
      const connections = row.connections.filter(({ account: a }) =>
        match([...own, a.label, a.name, a.email]),
      );
      return connections.length > 0 ? [{ ...row, connections }] : [];
    }),
  );
}

export type Filter = "all" | "connected" | "attention";

/** What of the list to show. */
export function narrow(groups: Groups, to: Filter): Groups {
  if (to === "all") return groups;
  const none = mapGroups(groups, () => []);
  return {
    ...none,
    connected: to === "connected" ? groups.connected : groups.connected.filter(wantsUser),
  };
}

function mapGroups(g: Groups, f: (rows: Row[]) => Row[]): Groups {
  return {
    connected: f(g.connected),
    available: f(g.available),
    switchedOff: f(g.switchedOff),
    needsSetup: f(g.needsSetup),
    unset: g.unset,
  };
}

/** How many rows the page shows. */
export const total = (g: Groups) =>
  g.connected.length + g.available.length + g.switchedOff.length + g.needsSetup.length;

/** What the banner says when accounts wait for the person: which is the first. Why, its row says, as each does. */
export interface Attention {
  message: string;
  integration: Integration;
  connection: Connection;
  /** One click mends it: the integration can connect. */
  fixable: boolean;
}

export function attention(groups: Groups): Attention | undefined {
  const waiting = groups.connected.flatMap(({ integration, connections }) =>
    connections
      .filter((c) => c.state === "needs_reauthorization")
      .map((connection) => ({ integration, connection })),
  );
  const at = waiting[0];
  if (!at) return undefined;
  const { integration, connection } = at;
  const others = waiting.length - 1;
  return {
    ...at,
    message:
      `${integration.name}: ${connection.account.label} needs you` +
      (others === 0
        ? "."
        : `, and so ${others === 1 ? "does one other account" : `do ${others} other accounts`}.`),
    fixable: integration.state === "ready" && connection.reason !== "client_credentials_invalid",
  };
}

/** Where a newcomer should begin: in the sandbox, with what most people know. */
export function newcomer(groups: Groups, hub: Hub | undefined): Integration | undefined {
  if (groups.connected.length > 0) return undefined;
  const ready = groups.available.filter((r) => r.integration.credentials === "sandbox");
  const offered = hub?.sandbox
    ? groups.unset.filter((r) => r.integration.credentials_offered.includes("sandbox"))
    : [];
  const from = ready.length > 0 ? ready : groups.available.length > 0 ? [] : offered;
  return (from.find((r) => r.integration.slug === "github") ?? from[0])?.integration;
}

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
  if (i.damaged) return { tone: "bad", word: "Damaged" };
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

/** How a provider answers, where that is news; undefined: well, as far as is known. */
export const troubleOf = (accounts: Accounts | undefined, slug: string): ProviderHealth | undefined =>
  accounts?.providers?.find((h) => h.integration === slug && h.state !== "ok");

/** A provider's trouble: what happened, since when, and when it is tried again. */
export function troubleWords(h: ProviderHealth): string {
  const what = h.message || "It does not answer as it should";
  const when = [h.since && `since ${clock(h.since)}`, h.next_try && nextTry(h.next_try)]
    .filter(Boolean)
    .join(", ");
  const whom = h.failing > 1 ? `${h.failing} accounts are concerned. ` : "";
  return `${what}. ${whom}${when ? `${when.charAt(0).toUpperCase()}${when.slice(1)}.` : ""}`.trim();
}

/** Accounts could not be renewed because this machine is offline. */
export const machineOffline = (accounts: Accounts | undefined): boolean =>
  !!accounts?.connections.some((c) => c.state === "connected" && c.health?.tries === 0);

/** The state of a provider where providers are looked at, with the number of its accounts. */
export function providerStatus(i: Integration, accounts: number, trouble?: ProviderHealth): Status {
  if (trouble && accounts > 0 && i.state === "ready") {
    return trouble.state === "down"
      ? { tone: "bad", word: "Does not answer" }
      : { tone: "warn", word: "Has trouble" };
  }
  if (i.damaged || i.state === "unavailable" || i.state === "disabled") return integrationStatus(i);
  if (i.state === "needs_setup")
    return i.credentials ? { tone: "warn", word: "Set-up incomplete" } : { tone: "idle", word: "Not set up" };
  if (accounts > 0) return { tone: "good", word: accounts === 1 ? "1 account" : `${accounts} accounts` };
  return { tone: "good", word: "Ready" };
}

/** Whether an integration's problem is news: not that nobody has set it up yet, nor that it was switched off. */
export const tellProblem = (i: Integration) =>
  i.state !== "disabled" && (i.damaged || !(i.state === "needs_setup" && !i.credentials));

/** The words of a scope, as its provider gives them. */
export const scopeTitle = (i: Integration | undefined, name: string) =>
  i?.scopes.find((s) => s.name === name)?.title || name;

export const healthWords = (h: Health) => `${h.message}. Since ${clock(h.since)}, ${nextTry(h.next_try)}.`;

/** One or two letters that stand for a name. */
export function initials(name: string): string {
  const words = name.split(/[\s@._-]+/u).filter((w) => /[\p{L}\p{N}]/u.test(w));
  const letters = words.slice(0, 2).map((w) => [...w].find((c) => /[\p{L}\p{N}]/u.test(c))!);
  return letters.join("").toUpperCase() || "?";
}

/** What to write beside an account's label: its other names. */
export function accountDetail(c: Connection): string {
  return [c.account.name, c.account.email].filter((s) => s && s !== c.account.label).join(" · ");
}

/** What stands for an integration that is gone. */
export function orphan(slug: string, connections: Connection[]): Integration {
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
