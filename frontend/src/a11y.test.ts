// SPDX-License-Identifier: Apache-2.0
// axe-core on every screen and dialog of the gallery, and no text from outside
// that is more than text. jsdom lays nothing out: contrast is contrast.test.ts's.
import { cleanup, fireEvent, render, screen } from "@testing-library/svelte";
import axe from "axe-core";
import { beforeEach, expect, test, vi } from "vitest";
import App from "./App.svelte";
import { activityOf, checked, custom, customFile, detail, preview, scenes } from "./dev/scenes";
import type { Flow } from "./lib/api/types";

function hub(scene: string, flow: Partial<Flow>) {
  const data = scenes[scene]!;
  return async (url: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const [path = "", query = ""] = String(url).split("?");
    const [, , , kind, name] = path.split("/");
    switch (kind) {
      case "events":
        return new Response(new ReadableStream());
      case "hub":
        return Response.json(data.hub);
      case "lock":
        return Response.json(data.lock);
      case "accounts":
        return Response.json(data.accounts);
      case "apps":
        return Response.json({ apps: data.apps });
      case "approvals":
        return Response.json({ approvals: data.approvals });
      case "pairings":
        return Response.json({ pairings: data.pairings });
      case "activity":
        return Response.json(activityOf(new URLSearchParams(query)));
      case "providers":
        return Response.json(path.endsWith("/file") ? customFile : custom);
      case "provider-preview":
        return Response.json(preview);
      case "integrations":
        if (init?.method === "POST") return Response.json(checked);
        return Response.json(data.accounts.integrations.find((i) => i.slug === name));
      case "connections":
        if (path.endsWith("/picture")) return Response.json({ png: "AAAA" });
        return Response.json(detail(data.accounts.connections.find((c) => c.id === name)!));
      case "flows":
        return Response.json({ id: "f1", expires_at: "2030-01-01T00:00:00Z", integration: "x", ...flow });
    }
    throw new Error(`${init?.method ?? "GET"} ${path} is not expected`);
  };
}

const account = { label: "mona", name: "Mona Lisa", email: "mona@example.org" };
const waiting: Partial<Flow> = { state: "waiting", authorization_url: "https://provider.example/authorize" };
const device: Partial<Flow> = {
  state: "waiting",
  kind: "device",
  device: {
    user_code: "WDJB-MJHT",
    verification_uri: "https://example.org/device",
    interval: 5,
    expires_at: "2030-01-01T00:00:00Z",
  },
};
const prompts: Partial<Flow> = {
  ...waiting,
  prompts: [
    { id: "p1", kind: "message", text: "<b>Have it at hand.</b>" },
    { id: "p2", kind: "ask", text: "Which region?", label: "Region" },
    { id: "p3", kind: "open", text: "Confirm first.", url: "https://example.org/confirm" },
  ],
};

const views: [scene: string, route: string, press: string[], seen: string, flow?: Partial<Flow>][] = [
  ["mixed", "", [], "section-connected"],
  ["states", "", [], "connection-away"],
  ["first", "", [], "first-run"],
  ["empty", "", [], "empty"],
  ["warned", "", [], "notice"],
  ["hostile", "", [], "connection-h1"],
  ["locked", "", [], "locked"],
  ["mixed", "#/connections/c1", [], "entry-6"],
  ["mixed", "#/connections/c2", [], "token-lost-c2"],
  ["mixed", "#/connections/c3", [], "remedy-c3"],
  ["hostile", "#/connections/h1", [], "detail-scopes"],
  ["mixed", "#/providers", [], "providers"],
  ["mixed", "#/integrations/salesforce", [], "setup-form"],
  ["mixed", "#/integrations/slack", [], "from-file"],
  ["hostile", "#/integrations/evil", [], "setup-form"],
  ["mixed", "#/integrations/github", ["check"], "check-token"],
  ["mixed", "#/integrations/draft", [], "plugin-error"],
  ["mixed", "#/integrations/intranet", [], "hides-custom"],
  ["mixed", "#/integrations/acme", ["provider-as-file"], "provider-file"],
  ["states", "#/providers", [], "provider-health-google"],
  ["states", "#/integrations/google", [], "provider-health-google"],
  ["mixed", "#/custom", [], "custom-form"],
  ["mixed", "#/custom/acme", [], "custom-hosts"],
  ["mixed", "#/custom/acme", ["custom-remove"], "remove-provider-dialog"],
  ["mixed", "#/apps", [], "app-app_1"],
  ["mixed", "#/activity", [], "entry-6"],
  ["mixed", "#/settings", [], "settings-lock"],
  ["mixed", "", ["more-c1"], "details-c1"],
  ["mixed", "", ["connect-notion"], "connect-dialog"],
  ["states", "", ["connect-both", "start"], "flow-waiting", waiting],
  ["states", "", ["connect-devices", "start"], "qr", device],
  ["mixed", "", ["connect-notion", "start"], "prompt-p3", prompts],
  ["mixed", "", ["connect-notion", "start"], "confirm", { state: "confirm", account, scopes: ["repo"] }],
  [
    "mixed",
    "",
    ["reauthorize-c3", "start"],
    "accept-other",
    { state: "confirm", account, replaces: { label: "x" } },
  ],
  [
    "mixed",
    "",
    ["connect-notion", "start"],
    "flow-failed",
    { state: "failed", error: { code: "x", message: "no" } },
  ],
  ["mixed", "", ["more-c1", "disconnect-c1"], "disconnect-dialog"],
  ["asked", "", [], "approval-dialog"],
  ["paired", "", [], "pairing-dialog"],
  ["mixed", "#/apps", ["add-app"], "add-app-dialog"],
  ["mixed", "#/apps", ["more-app_1", "grant-app_1"], "grant-dialog"],
  ["mixed", "#/apps", ["more-app_1", "revoke-app_1"], "end-dialog"],
  ["mixed", "#/apps", ["more-app_1", "rotate-app_1"], "rotate-dialog"],
];

beforeEach(() => {
  sessionStorage.setItem("standpipe-session", "tok");
  document.documentElement.lang = "en";
  vi.stubGlobal("scrollTo", () => {});
  vi.spyOn(window, "open").mockReturnValue(null);
  Element.prototype.scrollIntoView = () => {};
});

test.each(views)("%s %s %s shows %s", async (scene, route, press, seen, flow = {}) => {
  vi.stubGlobal("fetch", hub(scene, flow));
  history.replaceState(null, "", "/" + route);
  render(App);
  for (const p of press) await fireEvent.click(await screen.findByTestId(p));
  await screen.findByTestId(seen);
  const found = await axe.run(document.body, {
    resultTypes: ["violations"],
    rules: { "color-contrast": { enabled: false }, region: { enabled: false } },
  });
  expect(found.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.html.slice(0, 160)}`))).toEqual([]);
  expect(document.querySelector("img[onerror], svg script, a[href^='javascript:']")).toBeNull();
  expect((window as { pwned?: unknown }).pwned).toBeUndefined();
  cleanup();
});
