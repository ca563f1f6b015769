// SPDX-License-Identifier: Apache-2.0
import { expect, test, vi } from "vitest";
import { connection, integration } from "../dev/scenes";
import { createClient } from "./api/client";
import type { Connection, Hub, Integration, ProviderHealth } from "./api/types";
import {
  attention,
  connectionStatus,
  filter,
  group,
  initials,
  integrationStatus,
  machineOffline,
  narrow,
  newcomer,
  providerStatus,
  tellProblem,
  total,
  troubleOf,
  troubleWords,
} from "./groups";
import { limits } from "./grants";
import { inWindow, sessionToken, keepSession, takeCode } from "./host";
import { openExternal, prepareTab } from "./open";
import {
  connectionHref,
  customHref,
  integrationHref,
  parseRoute,
  sectionHref,
  sectionOf,
  sections,
} from "./router";
import { changeOf, checkField, formOf, validate } from "./setup";
import { svgDataUrl } from "./svg";
import { left, nextTry, relative } from "./time";

test("routes", () => {
  for (const home of ["", "#", "#/"]) expect(parseRoute(home).page).toBe("accounts");
  expect(parseRoute("#/?account=c1")).toMatchObject({ page: "accounts" });
  for (const s of sections) expect(sectionOf(parseRoute(sectionHref(s)))).toBe(s);
  expect(sectionOf(parseRoute(connectionHref("c/1")))).toBe("accounts");
  expect(parseRoute(connectionHref("c/1"))).toEqual({ page: "connection", id: "c/1" });
  expect(parseRoute(integrationHref("a/b c"))).toEqual({ page: "integration", slug: "a/b c" });
  expect(parseRoute(customHref())).toEqual({ page: "custom", slug: "" });
  expect(parseRoute(customHref("acme"))).toEqual({ page: "custom", slug: "acme" });
  expect(sectionOf(parseRoute(customHref("acme")))).toBe("providers");
  for (const odd of ["#/x", "#/integrations/", "#/integrations/a/b", "#/integrations/%", "#/custom/a/b"]) {
    expect(parseRoute(odd).page, odd).toBe("unknown");
  }
});

test("rows go where they belong, trouble first, and no connection is lost", () => {
  const g = group({
    integrations: [
      integration("b", "Beta"),
      integration("a", "Alpha"),
      integration("n", "New", { state: "needs_setup", credentials: "" }),
      integration("half", "Half", { state: "needs_setup" }),
      integration("off", "Off", { state: "disabled" }),
      integration("free", "Free"),
    ],
    connections: [
      connection("1", "a", "x"),
      connection("2", "b", "y", { state: "needs_reauthorization" }),
      connection("3", "b", "z"),
      connection("4", "gone", "w"),
      connection("5", "free", "v", { state: "disconnected" }),
    ],
  });
  expect(g.connected.map((r) => r.integration.slug)).toEqual(["b", "a", "gone"]);
  expect(g.connected[0]!.connections.map((c) => c.id)).toEqual(["2", "3"]);
  expect(g.available.map((r) => r.integration.slug)).toEqual(["free"]);
  expect(g.needsSetup.map((r) => r.integration.slug)).toEqual(["half"]);
  expect(g.unset.map((r) => r.integration.slug)).toEqual(["n"]);
  expect(g.switchedOff.map((r) => r.integration.slug)).toEqual(["off"]);
  expect(total(narrow(g, "all"))).toBe(total(g));
  expect(narrow(g, "connected").connected).toHaveLength(3);
  expect(total(narrow(g, "attention"))).toBe(1);
  expect(total(filter(g, "  "))).toBe(total(g));
  expect(filter(g, "ALPHA x").connected).toHaveLength(1);
  expect(total(filter(g, "alpha nothing"))).toBe(0);
  // Of many accounts of one provider, those that are meant.
  const two = group({
    integrations: [integration("alpha", "Alpha")],
    connections: [connection("1", "alpha", "ada"), connection("2", "alpha", "bob")],
  });
  expect(filter(two, "alpha").connected[0]!.connections).toHaveLength(2);
  expect(filter(two, "alpha bob").connected[0]!.connections.map((c) => c.id)).toEqual(["2"]);
});

test("the banner names the first account that needs the person; its row says why", () => {
  const integrations = [integration("a", "Alpha"), integration("b", "Beta", { state: "disabled" })];
  const bad = (id: string, slug: string, over = {}) =>
    connection(id, slug, `me@${slug}`, { state: "needs_reauthorization", remedy: "Do it.", ...over });
  const of = (...connections: ReturnType<typeof connection>[]) =>
    attention(group({ integrations, connections }));
  expect(of(connection("1", "a", "x"))).toBeUndefined();
  expect(of(bad("1", "a"))).toMatchObject({
    message: "Alpha: me@a needs you.",
    fixable: true,
  });
  expect(of(bad("1", "a"), bad("2", "a"))?.message).toContain("one other account");
  expect(of(bad("1", "a"), bad("2", "a"), bad("3", "b"))?.message).toContain("2 other accounts");
  // Reauthorizing does not mend a wrong client secret, nor an integration that is off.
  expect(of(bad("1", "a", { reason: "client_credentials_invalid" }))?.fixable).toBe(false);
  expect(of(bad("1", "b"))?.fixable).toBe(false);
});

test("a newcomer begins in the sandbox, whoever has accounts is none", () => {
  const about = { sandbox: "http://127.0.0.1:4790" } as Hub;
  const unset = integration("slack", "Slack", { state: "needs_setup", credentials: "" });
  const github = integration("github", "GitHub", { state: "needs_setup", credentials: "" });
  const start = (integrations: Integration[], connections: Connection[] = [], hub = about) =>
    newcomer(group({ integrations, connections }), hub)?.slug;
  expect(start([unset, github])).toBe("github");
  expect(start([unset])).toBe("slack");
  expect(start([unset, integration("x", "X")])).toBe("x");
  expect(start([unset, integration("x", "X", { credentials: "own" })])).toBeUndefined();
  expect(start([unset], [], { ...about, sandbox: "" })).toBeUndefined();
  expect(start([unset], [connection("1", "x", "me")])).toBeUndefined();
});

test("initials", () => {
  expect(initials("Mona Lisa")).toBe("ML");
  expect(initials("ada@example.org")).toBe("AE");
  expect(initials("😀 žofie")).toBe("Ž");
  expect(initials("<>")).toBe("?");
});

test("a connection's state in a word and a colour", () => {
  const health = { code: "x", message: "m", since: "", next_try: "" };
  expect(connectionStatus(connection("1", "a", "x")).tone).toBe("good");
  expect(connectionStatus(connection("1", "a", "x", { health })).tone).toBe("warn");
  expect(connectionStatus(connection("1", "a", "x", { missing_scopes: ["s"] })).tone).toBe("warn");
  expect(connectionStatus(connection("1", "a", "x", { state: "needs_reauthorization", health })).tone).toBe(
    "bad",
  );
});

test("what is wrong with a form", () => {
  const i = integration("s", "S", {
    credentials: "",
    credentials_offered: ["own"],
    state: "needs_setup",
    config: [
      {
        key: "host",
        label: "Host",
        description: "",
        example: "a.b",
        pattern: "[a-z.]+",
        default: "",
        required: true,
        installation: false,
        value: "",
      },
      {
        key: "each",
        label: "Each",
        description: "",
        example: "",
        pattern: "",
        default: "",
        required: true,
        installation: true,
        value: "",
      },
    ],
  });
  const f = formOf(i);
  expect(Object.keys(validate(f, i))).toEqual(["client_id", "client_secret", "config.host"]);
  Object.assign(f, { clientID: "id", clientSecret: "secret", config: { host: "NO" } });
  expect(validate(f, i)).toEqual({ "config.host": "This does not look right. An example: a.b" });
  f.config.host = "x.y";
  expect(validate(f, i)).toEqual({});
  f.credentials = "sandbox";
  f.clientID = "";
  expect(validate(f, i)).toEqual({});
});

test("a stored secret is kept, but not for another client", () => {
  const i = integration("s", "S", { credentials: "own", client_id: "id", client_secret_set: true });
  const f = formOf(i);
  expect(validate(f, i)).toEqual({});
  f.clientID = "other";
  expect(validate(f, i)).toHaveProperty("client_secret");
});

test("only what changed is sent", () => {
  const i = integration("s", "S", { credentials: "own", client_id: "id", client_secret_set: true });
  const f = formOf(i);
  expect(changeOf(f, i)).toEqual({});
  f.clientSecret = "new";
  f.scopes.gist = true;
  f.enabled = false;
  expect(changeOf(f, i)).toEqual({
    client_secret: "new",
    scopes: ["read:user", "repo", "gist"],
    enabled: false,
  });
});

test("a pattern that only Go understands blocks nobody", () => {
  const field = {
    key: "k",
    label: "K",
    description: "",
    example: "",
    pattern: "(?i)[",
    default: "",
    required: false,
    installation: false,
    value: "",
  };
  expect(checkField(field, "x")).toBe("");
});

test("an icon is an image, whatever is in it", () => {
  const url = svgDataUrl("<svg><title>Ž</title><script>alert(1)</script></svg>");
  expect(url).toMatch(/^data:image\/svg\+xml;base64,[A-Za-z0-9+/=]+$/);
  expect(
    new TextDecoder().decode(Uint8Array.from(atob(url.split(",")[1]!), (c) => c.charCodeAt(0))),
  ).toContain("Ž");
});

test("times in words", () => {
  const now = Date.parse("2026-11-24T12:00:00Z");
  expect(relative("2026-11-24T11:48:00Z", now)).toBe("12 minutes ago");
  expect(relative("2026-11-24T14:00:00Z", now)).toBe("in 2 hours");
  expect(relative("2026-11-24T12:00:10Z", now)).toBe("in a moment");
  expect(nextTry("2026-11-24T12:02:00Z", now)).toBe("next try in 2 minutes");
  expect(nextTry("2026-11-24T11:00:00Z", now)).toBe("trying again now");
  expect(relative("rubbish", now)).toBe("at an unknown time");
  expect(left("2026-11-24T12:10:00Z", now)).toBe("in 10 minutes");
  expect(left("2026-11-24T12:01:59Z", now)).toBe("in 119 seconds");
  expect(left("2026-11-24T12:00:01Z", now)).toBe("in 1 second");
  expect(left("2026-11-24T11:00:00Z", now)).toBe("in 0 seconds");
});

test("a provider's trouble in words, and only where it is news", () => {
  const down: ProviderHealth = {
    integration: "google",
    state: "down",
    failing: 3,
    message: "it answers with HTTP 503",
    since: "2026-11-24T11:48:00Z",
    next_try: "2020-01-01T00:00:00Z",
  };
  const google = integration("google", "Google");
  const accounts = { integrations: [google], connections: [], providers: [down] };
  expect(troubleOf(accounts, "google")).toBe(down);
  expect(troubleOf({ ...accounts, providers: [{ ...down, state: "ok" }] }, "google")).toBeUndefined();
  expect(troubleOf(undefined, "google")).toBeUndefined();
  expect(troubleWords(down)).toMatch(
    /^it answers with HTTP 503\. 3 accounts are concerned\. Since .+, trying again now\.$/,
  );
  expect(troubleWords({ integration: "x", state: "degraded", failing: 1 })).toBe(
    "It does not answer as it should.",
  );
  expect(providerStatus(google, 2, down)).toEqual({ tone: "bad", word: "Does not answer" });
  expect(providerStatus(google, 2, { ...down, state: "degraded" }).tone).toBe("warn");
  expect(providerStatus(google, 0, down).word).toBe("Ready"); // nobody is concerned
});

test("a machine that is offline is told from providers that are down", () => {
  const health = { code: "provider_unavailable", message: "x", since: "", next_try: "" };
  const of = (tries?: number) => ({
    integrations: [],
    connections: [connection("c", "google", "ada", { health: { ...health, tries } })],
  });
  expect(machineOffline(of(0))).toBe(true);
  expect(machineOffline(of(2))).toBe(false);
  expect(machineOffline(of())).toBe(false);
  expect(machineOffline(undefined)).toBe(false);
});

test("settings that are damaged are news, and stand where they can be entered again", () => {
  const broken = integration("broken", "Broken", {
    state: "needs_setup",
    credentials: "",
    damaged: true,
    problem: "damaged",
  });
  expect(group({ integrations: [broken], connections: [] }).needsSetup).toHaveLength(1);
  expect(tellProblem(broken)).toBe(true);
  expect(integrationStatus(broken)).toEqual({ tone: "bad", word: "Damaged" });
  expect(providerStatus(broken, 1).word).toBe("Damaged");
});

const setMeta = (host: string, session: string) =>
  (document.head.innerHTML = `<meta name="standpipe-session" content="${session}"><meta name="standpipe-host" content="${host}">`);

test("the session comes from the page in the window, else from the tab", () => {
  setMeta("%STANDPIPE_HOST%", "%STANDPIPE_SESSION%");
  expect([inWindow(), sessionToken()]).toEqual([false, ""]);
  keepSession("tab");
  expect(sessionToken()).toBe("tab");
  setMeta("window", "launch");
  expect([inWindow(), sessionToken()]).toEqual([true, "launch"]);
});

test("a one-time code is taken out of the address", () => {
  history.replaceState(null, "", "/#code=abc");
  expect(takeCode()).toBe("abc");
  expect(location.href).not.toContain("abc");
  expect(takeCode()).toBe("");
});

test("pages open in the system browser from the window, in a tab from a browser", async () => {
  const fetch = vi.fn<typeof globalThis.fetch>(async () => new Response(null, { status: 204 }));
  const client = createClient({ token: () => "t", onEnded: () => {}, fetch });
  const replace = vi.fn();
  const tab = { opener: window, closed: false, location: { replace }, close: vi.fn() };
  const open = vi.spyOn(window, "open").mockReturnValue(tab as unknown as Window);

  expect(await openExternal(client, "https://example.org/")).toBe(true);
  expect(replace).toHaveBeenCalledWith("https://example.org/");
  expect(tab.opener).toBeNull();

  expect(await prepareTab(client).go("javascript:alert(1)")).toBe(false);
  expect(tab.close).toHaveBeenCalled();

  open.mockReturnValue(null); // a blocker
  expect(await prepareTab(client).go("https://example.org/")).toBe(false);
  expect(fetch).not.toHaveBeenCalled();

  setMeta("window", "launch");
  open.mockClear();
  expect(await prepareTab(client).go("https://example.org/")).toBe(true);
  expect(open).not.toHaveBeenCalled();
  expect(fetch.mock.calls[0]![0]).toBe("/desktop/open");
  expect(await openExternal(client, "file:///etc/passwd")).toBe(false);
  expect(fetch).toHaveBeenCalledTimes(1);
});

test("what limits a grant is said, and what it may have beyond", () => {
  const grant = { id: "g1", integration: "github", mode: "token", lasts: "always" } as const;
  expect(limits(grant)).toEqual([]);
  expect(limits({ ...grant, mode: "relay", scopes: ["repo", "gist"] })).toEqual([
    "relay only, no token",
    "only repo, gist",
  ]);
  expect(limits({ ...grant, scopes: ["repo"], accept_wider: true })).toEqual(["only repo, or a wider token"]);
});
