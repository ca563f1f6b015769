// SPDX-License-Identifier: Apache-2.0
import { expect, test, vi } from "vitest";
import { connection, integration } from "../dev/scenes";
import { createClient } from "./api/client";
import { connectionStatus, filter, group, total } from "./groups";
import { inWindow, sessionToken, keepSession, takeCode } from "./host";
import { openExternal, prepareTab } from "./open";
import { integrationHref, parseRoute } from "./router";
import { changeOf, checkField, formOf, validate } from "./setup";
import { svgDataUrl } from "./svg";
import { nextTry, relative } from "./time";

test("routes", () => {
  for (const home of ["", "#", "#/"]) expect(parseRoute(home)).toEqual({ page: "accounts" });
  expect(parseRoute(integrationHref("a/b c"))).toEqual({ page: "integration", slug: "a/b c" });
  for (const odd of ["#/x", "#/integrations/", "#/integrations/a/b", "#/integrations/%"]) {
    expect(parseRoute(odd).page, odd).toBe("unknown");
  }
});

test("rows go where they belong, trouble first, and no connection is lost", () => {
  const g = group({
    integrations: [
      integration("b", "Beta"),
      integration("a", "Alpha"),
      integration("n", "New", { state: "needs_setup" }),
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
  expect(g.needsSetup.map((r) => r.integration.slug)).toEqual(["n", "off"]);
  expect(total(filter(g, "  "))).toBe(total(g));
  expect(filter(g, "ALPHA x").connected).toHaveLength(1);
  expect(total(filter(g, "alpha nothing"))).toBe(0);
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
