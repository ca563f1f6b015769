// SPDX-License-Identifier: Apache-2.0
// <standpipe-connect>, as it is served to the pages of others.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, beforeEach, expect, test, vi } from "vitest";

const file = resolve(process.cwd(), "../app/internal/api/pages/standpipe-connect.js");
const hub = "https://hub.example.com";

interface Popup {
  closed: boolean;
  href: string;
  close: () => void;
  focus: () => void;
  location: { replace: (url: URL) => void };
}
interface Connect extends HTMLElement {
  getLink?: () => Promise<string>;
  doDisconnect?: (connection: string) => Promise<void>;
  connect: () => Promise<void>;
  disconnect: () => Promise<void>;
}

let popup: Popup;
let element: Connect;
let heard: { type: string; detail: unknown }[];

beforeAll(() => {
  // jsdom has no constructed sheets.
  vi.stubGlobal(
    "CSSStyleSheet",
    class {
      replaceSync() {}
    },
  );
  Object.defineProperty(ShadowRoot.prototype, "adoptedStyleSheets", { value: [1], writable: true });
  // It imports nothing, so that it runs as any script does.
  new Function(readFileSync(file, "utf8"))();
});

beforeEach(() => {
  document.body.replaceChildren();
  popup = {
    closed: false,
    href: "",
    close: () => void (popup.closed = true),
    focus: () => {},
    location: { replace: (url) => void (popup.href = String(url)) },
  };
  vi.stubGlobal("open", () => popup);
  element = document.createElement("standpipe-connect") as Connect;
  element.setAttribute("hub", hub);
  element.setAttribute("name", "GitHub");
  element.getLink = () => Promise.resolve(`${hub}/connect/once`);
  heard = [];
  for (const type of ["connected", "disconnected", "error"])
    element.addEventListener(type, (e) => heard.push({ type, detail: (e as CustomEvent).detail }));
  document.body.append(element);
});

const nonce = () => new URLSearchParams(new URL(popup.href).hash.slice(1)).get("nonce")!;
function answer(data: object, from: { origin?: string; source?: unknown } = {}) {
  const e = new MessageEvent("message", { data, origin: from.origin ?? hub });
  Object.defineProperty(e, "source", { value: from.source ?? popup });
  window.dispatchEvent(e);
}
const text = () => element.shadowRoot!.textContent ?? "";

test("is small and runs nothing of others", () => {
  const source = readFileSync(file);
  expect(gzipSync(source).length).toBeLessThan(20 * 1024);
  expect(source.toString()).not.toMatch(/innerHTML|eval\(|localStorage|sessionStorage|document\.cookie/);
});

test("opens the hub's page and reports the connection, once", async () => {
  await element.connect();
  const to = new URL(popup.href);
  expect(to.origin + to.pathname).toBe(`${hub}/connect/once`);
  expect(new URLSearchParams(to.hash.slice(1)).get("origin")).toBe(location.origin);
  const first = nonce();
  answer({ type: "standpipe", nonce: first, status: "connected", connection: "c1" });
  expect(heard).toEqual([{ type: "connected", detail: { connection: "c1" } }]);
  expect(element.getAttribute("connection")).toBe("c1");
  expect(popup.closed).toBe(true);
  answer({ type: "standpipe", nonce: first, status: "connected", connection: "c2" });
  expect(heard).toHaveLength(1);
});

test("hears nobody but the hub, from its window, with this try's nonce", async () => {
  await element.connect();
  const good = { type: "standpipe", nonce: nonce(), status: "connected", connection: "c1" };
  answer(good, { origin: "https://evil.example" });
  answer(good, { origin: hub + ".evil.example" });
  answer(good, { source: window });
  answer({ ...good, nonce: "0".repeat(32) });
  answer({ ...good, nonce: undefined });
  answer({ ...good, type: "other" });
  expect(heard).toEqual([]);
  answer(good);
  expect(heard).toHaveLength(1);
});

test("a link that is not the hub's is not opened", async () => {
  for (const bad of ["https://evil.example/connect/once", `${hub}/callback/x`, "javascript:alert(1)", ""]) {
    heard = [];
    element.getLink = () => Promise.resolve(bad);
    await element.connect();
    expect(popup.href, bad).toBe("");
    expect(heard[0]?.type, bad).toBe("error");
  }
});

test("a blocked popup, a closed one and the hub's refusal are errors", async () => {
  vi.stubGlobal("open", () => null);
  await element.connect();
  expect(text()).toContain("blocked");
  vi.stubGlobal("open", () => popup);
  vi.useFakeTimers();
  await element.connect();
  popup.closed = true;
  vi.advanceTimersByTime(600);
  vi.useRealTimers();
  expect(text()).toContain("closed before");
  popup.closed = false;
  await element.connect();
  answer({ type: "standpipe", nonce: nonce(), status: "error", message: "<b>you refused</b>" });
  expect(element.shadowRoot!.querySelector("b")).toBeNull();
  expect(heard.map((h) => h.type)).toEqual(["error", "error", "error"]);
});

test("disconnects through the page's own server", async () => {
  element.doDisconnect = vi.fn(() => Promise.resolve());
  element.setAttribute("connection", "c1");
  await element.disconnect();
  expect(element.doDisconnect).toHaveBeenCalledWith("c1");
  expect(heard).toEqual([{ type: "disconnected", detail: { connection: "c1" } }]);
  expect(element.hasAttribute("connection")).toBe(false);
});
