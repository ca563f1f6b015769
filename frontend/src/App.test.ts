// SPDX-License-Identifier: Apache-2.0
import { fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { beforeEach, expect, test, vi } from "vitest";
import App from "./App.svelte";
import { checked, connection, custom, integration, preview, scenes } from "./dev/scenes";
import type { Approval, DamagedApp, Pairing } from "./lib/api/access";
import type { Accounts, Flow } from "./lib/api/types";

/** The hub at the other end of fetch: its accounts, one flow, and what it was asked. */
class FakeHub {
  accounts: Accounts = structuredClone(scenes.mixed!.accounts);
  flow: Flow = {
    id: "f1",
    integration: "notion",
    state: "waiting",
    authorization_url: "https://provider.example/authorize",
    expires_at: "2030-01-01T00:00:00Z",
  };
  approvals: Approval[] = [];
  pairings: Pairing[] = [];
  /** Those whose authorization a disconnect would end too. */
  sharing: { connected_account_id: string; account: string }[] = [];
  status = 200;
  damagedApps: DamagedApp[] = [];
  locked = false;
  /** The picture of whoever has one; undefined: it is not to be had. */
  picture: string | undefined = "AAAA";
  asked: { method: string; path: string; body: unknown }[] = [];
  #stream?: ReadableStreamDefaultController<Uint8Array>;

  fetch = async (url: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const path = String(url);
    const method = init?.method ?? "GET";
    const body: unknown = init?.body ? JSON.parse(init.body as string) : undefined;
    this.asked.push({ method, path, body });
    if (this.status !== 200) return Response.json({ message: "no", code: "x" }, { status: this.status });
    if (path === "/ui/api/events")
      return new Response(new ReadableStream({ start: (c) => void (this.#stream = c) }));
    if (path === "/ui/api/hub") return Response.json(scenes.mixed!.hub);
    if (path.startsWith("/ui/api/lock"))
      return Response.json({ ...scenes.mixed!.lock, locked: this.locked, passphrase: false });
    if (path === "/ui/api/approvals") return Response.json({ approvals: this.approvals });
    if (path === "/ui/api/pairings") return Response.json({ pairings: this.pairings });
    if (path === "/ui/api/apps" && method === "POST")
      return Response.json({ id: "app_new", name: "editor", grants: [], key: "sp_app_new" });
    if (path === "/ui/api/apps")
      return Response.json({ apps: scenes.mixed!.apps, damaged: this.damagedApps });
    if (/^.ui.api.(approvals|pairings|apps)./.test(path)) return new Response(null, { status: 204 });
    if (path === "/ui/api/accounts") return Response.json(this.accounts);
    if (path === "/ui/api/session") return Response.json({ token: "from-code", expires_at: "" });
    if (path === "/ui/api/provider-preview") return Response.json(preview);
    if (path.endsWith("/check")) return Response.json(checked);
    if (path.startsWith("/ui/api/providers")) return this.#declared(method, body as { slug: string });
    if (path.endsWith("/confirm")) this.flow = { ...this.flow, state: "done" };
    if (path.startsWith("/ui/api/flows"))
      return method === "DELETE" ? new Response(null, { status: 204 }) : Response.json(this.flow);
    if (path.startsWith("/ui/api/connections/") && method === "DELETE" && this.sharing.length)
      if ((body as { revoke_grant?: boolean }).revoke_grant === undefined)
        return Response.json(
          { code: "grant_shared", message: "it would end more", choices: this.sharing },
          { status: 409 },
        );
    if (path.endsWith("/picture"))
      return this.picture === undefined
        ? Response.json({ code: "entity_not_found", message: "none" }, { status: 404 })
        : Response.json({ png: this.picture });
    if (path.startsWith("/ui/api/connections/"))
      return Response.json({ revoked: "token", message: "The token was revoked." });
    const found = this.accounts.integrations.find((i) => path.endsWith("/" + i.slug));
    return Response.json(found);
  };
  #declared(method: string, body: { slug: string }) {
    if (method === "GET") return Response.json(custom);
    if (body?.slug === "taken")
      return Response.json(
        { code: "conflict", message: "there is a provider of that name", field: "slug" },
        { status: 409 },
      );
    return method === "DELETE"
      ? new Response(null, { status: 204 })
      : Response.json(integration(body.slug, "Acme", { custom: true }));
  }
  tell(event: object) {
    this.#stream!.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(event)}\n\n`));
  }
  calls = (method: string, path: string) => this.asked.filter((a) => a.method === method && a.path === path);
}

let hub: FakeHub;
beforeEach(() => {
  hub = new FakeHub();
  location.hash = "";
  sessionStorage.clear();
  sessionStorage.setItem("standpipe-session", "tok");
  vi.stubGlobal("fetch", hub.fetch);
  vi.stubGlobal("scrollTo", () => {});
  vi.spyOn(window, "open").mockReturnValue(null);
});

const shown = (id: string) => screen.findByTestId(id);

test("the list shows states in words, and outside text is inert", async () => {
  render(App);
  expect((await shown("state-c1")).textContent).toBe("Connected");
  expect(screen.getByTestId("state-c3").textContent).toBe("Needs reauthorization");
  expect(screen.getByTestId("remedy-c3").textContent).toContain("withdrawn");
  expect(screen.getByTestId("health-c4").textContent).toMatch(
    /Google cannot be reached\. Since .*, next try in \d minutes/,
  );
  expect(screen.getByTestId("row-github").textContent).toContain('<img src=x onerror="alert(1)">');
  expect(document.querySelector("img[onerror]")).toBeNull();
  expect(within(screen.getByTestId("section-connected")).getByText("Sandbox")).toBeTruthy();
});

test("an account is shown with its picture, and another one when it changed", async () => {
  render(App);
  const img = (await shown("picture-c1")) as HTMLImageElement;
  expect(img.src).toBe("data:image/png;base64,AAAA");
  expect(screen.queryByTestId("picture-c2")).toBeNull(); // it has none
  hub.tell({ type: "connection.refreshed", connection: "c1" });
  await waitFor(() => expect(hub.calls("GET", "/ui/api/accounts").length).toBeGreaterThan(1));
  expect(hub.calls("GET", "/ui/api/connections/c1/picture")).toHaveLength(1);

  hub.picture = "BBBB";
  hub.accounts = structuredClone(hub.accounts);
  hub.accounts.connections.find((c) => c.id === "c1")!.picture = "a2";
  hub.tell({ type: "connection.picture", connection: "c1" });
  await waitFor(() =>
    expect((screen.getByTestId("picture-c1") as HTMLImageElement).src).toBe("data:image/png;base64,BBBB"),
  );
});

test("initials stand where a picture is not to be had, or is broken", async () => {
  hub.picture = undefined;
  render(App);
  await waitFor(() => expect(hub.calls("GET", "/ui/api/connections/c1/picture").length).toBe(1));
  await shown("state-c1");
  expect(screen.queryByTestId("picture-c1")).toBeNull();
  expect(screen.getByTestId("connection-c1").textContent).toContain("MO");
  expect(screen.queryByTestId("picture-c2")).toBeNull();

  hub.picture = "AAAA";
  hub.accounts = structuredClone(hub.accounts);
  hub.accounts.connections.find((c) => c.id === "c1")!.picture = "a2";
  hub.tell({ type: "connection.picture", connection: "c1" });
  await fireEvent.error(await shown("picture-c1"));
  await waitFor(() => expect(screen.queryByTestId("picture-c1")).toBeNull());
  expect(screen.getByTestId("connection-c1").textContent).toContain("MO");
});

test("an event changes the list without a reload", async () => {
  render(App);
  await shown("state-c1");
  hub.accounts = { ...hub.accounts, connections: [connection("n1", "notion", "fresh")] };
  hub.tell({ type: "connection.connected", connection: "n1" });
  expect((await shown("account-n1")).textContent).toBe("fresh");
  expect(screen.queryByTestId("state-c1")).toBeNull();
});

test("connect: wait, confirm what came back, done", async () => {
  render(App);
  await fireEvent.click(await shown("connect-notion"));
  await fireEvent.click(await shown("start"));
  await shown("flow-waiting");
  expect(await shown("not-opened")).toBeTruthy(); // window.open gave nothing
  expect((screen.getByTestId("authorization-url") as HTMLInputElement).value).toBe(
    hub.flow.authorization_url,
  );
  hub.flow = {
    ...hub.flow,
    state: "confirm",
    account: { label: "mona" },
    scopes: ["repo"],
    missing_scopes: ["gist"],
  };
  hub.tell({ type: "flow.changed", flow: "f1" });
  expect((await shown("flow-account-label")).textContent).toBe("mona");
  expect(screen.getByTestId("flow-scopes").textContent).toContain("Read and write your repositories");
  expect(screen.getByTestId("flow-missing-scopes").textContent).toContain("Write gists");
  await fireEvent.click(screen.getByTestId("confirm"));
  await waitFor(() => expect(screen.queryByTestId("connect-dialog")).toBeNull());
  expect(hub.calls("POST", "/ui/api/flows/f1/confirm")[0]!.body).toEqual({ accept_other_account: false });
  expect((await shown("toast")).textContent).toContain("mona is connected");
});

test("the focus stays in a dialog whose button is gone, and goes to what locks and unlocks", async () => {
  const { unmount } = render(App);
  await fireEvent.click(await shown("connect-notion"));
  screen.getByTestId("start").focus();
  await fireEvent.click(screen.getByTestId("start"));
  await shown("flow-waiting");
  await waitFor(() => expect(document.activeElement?.textContent).toBe("Connect Notion"));
  unmount();

  hub.locked = true;
  render(App);
  const unlock = await shown("unlock");
  expect(document.activeElement).toBe(unlock);
  hub.locked = false;
  await fireEvent.click(screen.getByTestId("unlock"));
  await waitFor(() => expect(document.activeElement?.tagName).toBe("MAIN"));
});

test("Enter in the name of an app makes its key, and no command that is shown has it as an argument", async () => {
  history.replaceState(null, "", "/#/apps");
  render(App);
  await fireEvent.click(await shown("add-app"));
  const name = await shown("app-name");
  await fireEvent.keyDown(name, { key: "Enter" });
  expect(screen.getByTestId("app-name-error").textContent).toContain("name");
  await fireEvent.input(name, { target: { value: "editor" } });
  await fireEvent.keyDown(name, { key: "Enter" });
  const line = ((await shown("app-try")) as HTMLInputElement).value;
  expect(line).toMatch(/^echo '.*sp_app_new.*' \| curl /);
  expect(line.slice(line.indexOf("|"))).not.toContain("sp_app_new");
});

test("the focus goes to the page when the row that has it goes", async () => {
  render(App);
  (await shown("more-c1")).focus();
  hub.accounts = { ...hub.accounts, connections: hub.accounts.connections.filter((c) => c.id !== "c1") };
  hub.tell({ type: "connection.removed", connection: "c1" });
  await waitFor(() => expect(screen.queryByTestId("more-c1")).toBeNull());
  await waitFor(() => expect(document.activeElement?.tagName).toBe("MAIN"));
});

test("a reload in the middle of a connect goes on with it, until it is ended", async () => {
  const first = render(App);
  await fireEvent.click(await shown("connect-notion"));
  await fireEvent.click(await shown("start"));
  await shown("flow-waiting");
  first.unmount();
  hub.flow = { ...hub.flow, state: "confirm", account: { label: "mona" } };
  const second = render(App);
  expect((await shown("flow-account-label")).textContent).toBe("mona");
  expect(hub.calls("POST", "/ui/api/flows")).toHaveLength(1);
  await fireEvent.click(screen.getByTestId("not-my-account"));
  await waitFor(() => expect(hub.calls("DELETE", "/ui/api/flows/f1")).toHaveLength(1));
  second.unmount();
  render(App);
  await shown("connect-notion");
  expect(screen.queryByTestId("connect-dialog")).toBeNull();
});

test("another account is only taken with a tick", async () => {
  hub.flow = { ...hub.flow, state: "confirm", account: { label: "eve" }, replaces: { label: "octocat" } };
  render(App);
  await fireEvent.click(await shown("more-c1"));
  await fireEvent.click(await shown("reauthorize-c1"));
  await fireEvent.click(await shown("start"));
  const confirm = (await shown("confirm")) as HTMLButtonElement;
  expect(hub.calls("POST", "/ui/api/flows")[0]!.body).toEqual({ integration: "github", connection: "c1" });
  expect(confirm.disabled).toBe(true);
  await fireEvent.click(screen.getByTestId("accept-other"));
  expect(confirm.disabled).toBe(false);
  await fireEvent.click(confirm);
  await waitFor(() =>
    expect(hub.calls("POST", "/ui/api/flows/f1/confirm")[0]!.body).toEqual({ accept_other_account: true }),
  );
});

test("what is not mine is cancelled at the hub, and a failure is told", async () => {
  hub.flow = { ...hub.flow, state: "confirm", account: { label: "eve" } };
  render(App);
  await fireEvent.click(await shown("connect-notion"));
  await fireEvent.click(await shown("start"));
  await fireEvent.click(await shown("not-my-account"));
  await waitFor(() => expect(hub.calls("DELETE", "/ui/api/flows/f1")).toHaveLength(1));
  hub.flow = {
    ...hub.flow,
    state: "failed",
    error: { code: "access_denied", message: "you refused", remedy: "Connect again." },
  };
  await fireEvent.click(await shown("connect-notion"));
  await fireEvent.click(await shown("start"));
  expect((await shown("flow-failed")).textContent).toMatch(/you refused.*Connect again\./s);
});

test("disconnect asks first", async () => {
  render(App);
  await fireEvent.click(await shown("more-c1"));
  await fireEvent.click(await shown("disconnect-c1"));
  expect((await shown("disconnect-dialog")).textContent).toContain("GitHub to revoke it");
  expect(hub.calls("DELETE", "/ui/api/connections/c1")).toHaveLength(0);
  await fireEvent.click(screen.getByTestId("disconnect-confirm"));
  expect((await shown("toast")).textContent).toContain("The token was revoked.");
});

test("a disconnect that would end other connections asks once more", async () => {
  hub.sharing = [{ connected_account_id: "c4", account: "mona@example.org" }];
  for (const [answer, sent] of [
    ["grant-keep", false],
    ["grant-revoke", true],
  ] as const) {
    const { unmount } = render(App);
    await fireEvent.click(await shown("more-c1"));
    await fireEvent.click(await shown("disconnect-c1"));
    await fireEvent.click(await shown("disconnect-confirm"));
    expect((await shown("grant-question")).textContent).toContain("everything at once");
    expect(screen.getByTestId("disconnect-dialog").textContent).toContain("mona@example.org (");
    await fireEvent.click(screen.getByTestId(answer));
    await waitFor(() => expect(screen.queryByTestId("disconnect-dialog")).toBeNull());
    expect(hub.calls("DELETE", "/ui/api/connections/c1").at(-1)!.body).toEqual({ revoke_grant: sent });
    unmount();
  }
});

test("where it can be chosen, everything is ended on request", async () => {
  hub.accounts.integrations.find((i) => i.slug === "github")!.revokes_grant = true;
  render(App);
  await fireEvent.click(await shown("more-c1"));
  await fireEvent.click(await shown("disconnect-c1"));
  await fireEvent.click(await shown("revoke-grant"));
  await fireEvent.click(screen.getByTestId("disconnect-confirm"));
  await waitFor(() =>
    expect(hub.calls("DELETE", "/ui/api/connections/c1")[0]!.body).toEqual({ revoke_grant: true }),
  );
});

test("the set-up form checks, sends the change and never shows a secret", async () => {
  const form = integration("github", "GitHub", {
    credentials: "own",
    client_id: "id1",
    client_secret_set: true,
    client_secret_hint: "9f3c",
  });
  hub.accounts = { integrations: [form], connections: [] };
  history.replaceState(null, "", "/#/integrations/github");
  render(App);
  const secret = (await shown("client-secret")) as HTMLInputElement;
  expect(secret.value).toBe("");
  expect(secret.placeholder).toContain("9f3c");
  expect((screen.getByTestId("scope-read:user") as HTMLInputElement).disabled).toBe(true);
  await fireEvent.input(screen.getByTestId("client-id"), { target: { value: "id 2" } });
  await fireEvent.submit(screen.getByTestId("setup-form"));
  expect((await shown("client-id-error")).textContent).toContain("no spaces");
  expect(hub.calls("PUT", "/ui/api/integrations/github")).toHaveLength(0);
  await fireEvent.input(screen.getByTestId("client-id"), { target: { value: "id2" } });
  await fireEvent.input(secret, { target: { value: "s3cret" } });
  await fireEvent.submit(screen.getByTestId("setup-form"));
  await waitFor(() =>
    expect(hub.calls("PUT", "/ui/api/integrations/github")[0]!.body).toEqual({
      client_id: "id2",
      client_secret: "s3cret",
    }),
  );
});

test("what the file says is read-only, and says so", async () => {
  history.replaceState(null, "", "/#/integrations/slack");
  render(App);
  expect(await shown("from-file")).toBeTruthy();
  expect(screen.queryByTestId("save")).toBeNull();
  for (const id of [
    "client-id",
    "client-secret",
    "credentials-own",
    "scope-repo",
    "description",
    "enabled",
  ]) {
    expect((screen.getByTestId(id) as HTMLInputElement).disabled, id).toBe(true);
  }
  expect((screen.getByTestId("redirect-uri-copy") as HTMLButtonElement).disabled).toBe(false);
});

test("a code in the address becomes a session", async () => {
  sessionStorage.clear();
  history.replaceState(null, "", "/#code=once");
  render(App);
  await shown("state-c1");
  expect(hub.calls("POST", "/ui/api/session")[0]!.body).toEqual({ code: "once" });
  expect(sessionStorage.getItem("standpipe-session")).toBe("from-code");
  expect(location.hash).toBe("#/");
});

test("a session that has ended says what to run", async () => {
  hub.status = 401;
  render(App);
  await shown("session-ended");
  expect((screen.getByTestId("open-command") as HTMLInputElement).value).toBe("standpipe open");
  expect(sessionStorage.getItem("standpipe-session")).toBeNull();
});

test("a hub in trouble and a hub without providers", async () => {
  hub.status = 503;
  const { unmount } = render(App);
  await shown("load-error");
  hub.status = 200;
  hub.accounts = { integrations: [], connections: [] };
  await fireEvent.click(screen.getByTestId("retry"));
  await shown("empty");
  unmount();
});

test("an app that asks is denied unless somebody says yes", async () => {
  hub.approvals = structuredClone(scenes.asked!.approvals);
  render(App);
  const allow = (await shown("approval-allow")) as HTMLButtonElement;
  expect(document.activeElement).toBe(screen.getByTestId("approval-deny"));
  expect(screen.getByTestId("approval-program").textContent).toContain("/usr/bin/editor");
  expect(allow.disabled).toBe(true); // which account, and a wider token than asked for
  await fireEvent.change(screen.getByTestId("approval-choice"), { target: { value: "c2" } });
  await fireEvent.click(screen.getByTestId("approval-accept-wider"));
  await fireEvent.click(screen.getByTestId("approval-10m"));
  await fireEvent.click(allow);
  await waitFor(() =>
    expect(hub.calls("POST", "/ui/api/approvals/approval_1/approve")[0]!.body).toEqual({
      lasts: "until",
      for: 600,
      connection: "c2",
      accept_wider: true,
    }),
  );
  await waitFor(() => expect(screen.queryByTestId("approval-dialog")).toBeNull());
});

test("closing the question is a no", async () => {
  hub.approvals = structuredClone(scenes.asked!.approvals);
  render(App);
  await fireEvent(await shown("approval-dialog"), new Event("cancel", { cancelable: true }));
  await waitFor(() => expect(hub.calls("POST", "/ui/api/approvals/approval_1/deny")).toHaveLength(1));
  expect(hub.calls("POST", "/ui/api/approvals/approval_1/approve")).toHaveLength(0);
});

test("a paired program gets what it asked for and no more", async () => {
  hub.pairings = structuredClone(scenes.paired!.pairings);
  render(App);
  const asked = (await shown("pairing-grant-0")).closest("label")!;
  for (const limit of ["relay only", "only repo", "for https://api.example.org/ only"])
    expect(asked.textContent).toContain(limit);
  await fireEvent.click(screen.getByTestId("pairing-allow"));
  await waitFor(() =>
    expect(hub.calls("POST", "/ui/api/pairings/KFTN-2309/approve")[0]!.body).toEqual({
      name: "agent",
      grants: [
        {
          integration: "github",
          scopes: ["repo"],
          audience: "https://api.example.org/",
          mode: "relay",
          lasts: "always",
        },
      ],
    }),
  );
});

test("apps that cannot be read are told of, where the others are", async () => {
  location.hash = "#/apps";
  render(App);
  await shown("app-app_1");
  expect(screen.queryByTestId("damaged-app")).toBeNull();
  hub.damagedApps = [
    { id: "damaged_1", problem: "its seal is broken" },
    { id: "damaged_2", problem: "it was removed" },
  ];
  hub.tell({ type: "apps.changed" });
  const told = await screen.findAllByTestId("damaged-app");
  expect(told.map((e) => e.textContent)).toEqual([
    expect.stringMatching(/damaged \(its seal is broken\).*Add it again/),
    expect.stringMatching(/it was removed/),
  ]);
  expect(screen.getByTestId("app-app_1")).toBeTruthy();
  const first = screen.getAllByTestId("discard-app")[0]!;
  hub.damagedApps = hub.damagedApps.slice(1);
  await fireEvent.click(first);
  expect(hub.calls("DELETE", "/ui/api/apps/damaged_1")).toHaveLength(1);
  await waitFor(() => expect(screen.getByTestId("damaged-app").textContent).toMatch(/it was removed/));
});

test("a grant is for tokens or for the relay, and for one resource server where the provider can", async () => {
  location.hash = "#/apps";
  render(App);
  const pick = (id: string, value: string) => fireEvent.change(screen.getByTestId(id), { target: { value } });
  const sent = () => hub.calls("POST", "/ui/api/apps/app_1/grants").at(-1)?.body;
  const open = async () => {
    await fireEvent.click(await shown("more-app_1"));
    await fireEvent.click(await shown("grant-app_1"));
    await shown("grant-integration");
  };
  await open();
  await pick("grant-integration", "slack");
  expect((screen.getByTestId("grant-mode-relay") as HTMLInputElement).disabled).toBe(true);
  expect(screen.queryByTestId("grant-audience")).toBeNull();
  await pick("grant-integration", "github");
  await fireEvent.click(screen.getByTestId("grant-mode-relay"));
  await pick("grant-audience", "https://api.example.org/");
  await fireEvent.click(screen.getByTestId("grant-save"));
  const github = { integration: "github", lasts: "always" };
  await waitFor(() =>
    expect(sent()).toEqual({ ...github, mode: "relay", audience: "https://api.example.org/" }),
  );

  await open();
  await pick("grant-integration", "github");
  await pick("grant-audience", "another…");
  await fireEvent.click(screen.getByTestId("grant-save"));
  expect(screen.getByTestId("grant-audience-other-error").textContent).toContain("Enter the address");
  await type("grant-audience-other", " https://mail.example.org/ ");
  await fireEvent.click(screen.getByTestId("grant-save"));
  await waitFor(() =>
    expect(sent()).toEqual({ ...github, mode: "token", audience: "https://mail.example.org/" }),
  );
});

test("a grant has a ceiling of scopes: those ticked, of what the integration asks for", async () => {
  hub.accounts = structuredClone(hub.accounts);
  hub.accounts.integrations.find((i) => i.slug === "github")!.narrows_scopes = true;
  location.hash = "#/apps";
  render(App);
  const pick = (id: string, value: string) => fireEvent.change(screen.getByTestId(id), { target: { value } });
  const sent = () => hub.calls("POST", "/ui/api/apps/app_1/grants").at(-1)?.body;
  const open = async (slug: string) => {
    await fireEvent.click(await shown("more-app_1"));
    await fireEvent.click(await shown("grant-app_1"));
    await shown("grant-integration");
    await pick("grant-integration", slug);
    await pick("grant-scopes", "some");
  };
  const grant = { lasts: "always", mode: "token" };

  await open("github");
  expect(screen.queryByTestId("grant-scope-gist")).toBeNull(); // not asked for
  expect(screen.queryByTestId("grant-wider")).toBeNull(); // tokens can be narrower
  await fireEvent.click(screen.getByTestId("grant-save"));
  expect(screen.getByTestId("grant-scopes-error").textContent).toContain("at least one");
  expect(sent()).toBeUndefined();
  await fireEvent.click(screen.getByTestId("grant-scope-repo"));
  await fireEvent.click(screen.getByTestId("grant-save"));
  await waitFor(() => expect(sent()).toEqual({ ...grant, integration: "github", scopes: ["repo"] }));

  await open("slack");
  await fireEvent.click(screen.getByTestId("grant-scope-repo"));
  await fireEvent.click(screen.getByTestId("grant-wider"));
  await fireEvent.click(screen.getByTestId("grant-save"));
  const slack = { ...grant, integration: "slack" };
  await waitFor(() => expect(sent()).toEqual({ ...slack, scopes: ["repo"], accept_wider: true }));

  // Another provider, or all after all: nothing is left of what was ticked.
  await open("slack");
  await fireEvent.click(screen.getByTestId("grant-scope-repo"));
  await fireEvent.click(screen.getByTestId("grant-wider"));
  await pick("grant-integration", "google");
  expect(screen.queryByTestId("grant-scope-repo")).toBeNull();
  await pick("grant-scopes", "some");
  await pick("grant-scopes", "all");
  await fireEvent.click(screen.getByTestId("grant-save"));
  await waitFor(() => expect(sent()).toEqual({ ...grant, integration: "google" }));
});

const type = (id: string, value: string) => fireEvent.input(screen.getByTestId(id), { target: { value } });

test("a provider is declared: what is wrong stands at its field, and the preview comes from the hub", async () => {
  history.replaceState(null, "", "/#/custom");
  render(App);
  await fireEvent.submit(await shown("custom-form"));
  expect((await shown("custom-issuer-error")).textContent).toMatch(/Enter the issuer/);
  expect(document.activeElement).toBe(screen.getByTestId("custom-name"));
  expect(hub.calls("POST", "/ui/api/providers")).toHaveLength(0);

  await fireEvent.click(screen.getByTestId("custom-by-address"));
  await type("custom-name", "Acme CRM");
  expect((screen.getByTestId("custom-slug") as HTMLInputElement).value).toBe("acme-crm");
  await type("custom-authorize-url", "https://login.acme.example/oauth/authorize");
  expect((await shown("preview-scope")).textContent).toBe("contacts.read");
  expect(hub.calls("POST", "/ui/api/provider-preview").at(-1)!.body).toMatchObject({
    authorize_url: "https://login.acme.example/oauth/authorize",
  });
  await type("custom-token-url", "http://api.acme.example/oauth/token");
  expect(screen.getByTestId("custom-token-url-error").textContent).toMatch(/could be read/);
  await type("custom-token-url", "https://api.acme.example/oauth/token");
  await type("custom-identity-url", "https://api.acme.example/me");
  await type("custom-subject", "id");
  await type("custom-scopes", "contacts.read Read your contacts");

  await type("custom-slug", "taken");
  await fireEvent.submit(screen.getByTestId("custom-form"));
  await waitFor(() =>
    expect(screen.getByTestId("custom-slug-error").textContent).toContain("a provider of that name"),
  );
  await waitFor(() => expect(document.activeElement).toBe(screen.getByTestId("custom-slug")));
  await type("custom-slug", "acme");
  await fireEvent.submit(screen.getByTestId("custom-form"));
  await waitFor(() => expect(location.hash).toBe("#/integrations/acme"));
  expect(hub.calls("POST", "/ui/api/providers").at(-1)!.body).toEqual({
    slug: "acme",
    name: "Acme CRM",
    authorize_url: "https://login.acme.example/oauth/authorize",
    token_url: "https://api.acme.example/oauth/token",
    authorize_params: {},
    token_params: {},
    scopes: [{ name: "contacts.read", title: "Read your contacts" }],
    identity: { url: "https://api.acme.example/me", subject: "id" },
  });
});

test("a declared provider is changed and removed, after a question", async () => {
  history.replaceState(null, "", "/#/custom/acme");
  render(App);
  expect(((await shown("custom-slug")) as HTMLInputElement).disabled).toBe(true);
  await type("custom-name", "Acme 2");
  await fireEvent.submit(screen.getByTestId("custom-form"));
  await waitFor(() =>
    expect(hub.calls("PUT", "/ui/api/providers/acme")[0]!.body).toMatchObject({
      ...custom,
      name: "Acme 2",
    }),
  );
  location.hash = "#/custom/acme";
  await fireEvent.click(await shown("custom-remove"));
  expect(hub.calls("DELETE", "/ui/api/providers/acme")).toHaveLength(0);
  await fireEvent.click(await shown("remove-confirm"));
  await waitFor(() => expect(location.hash).toBe("#/providers"));
  expect(hub.calls("DELETE", "/ui/api/providers/acme")).toHaveLength(1);
});

test("a file that wins over a declared provider is told of, and what it hides can be removed", async () => {
  history.replaceState(null, "", "/#/integrations/intranet");
  render(App);
  expect((await shown("hides-custom")).textContent).toContain("/providers/intranet.hcl");
  await fireEvent.click(screen.getByTestId("forget-custom"));
  await waitFor(() => expect(hub.calls("DELETE", "/ui/api/providers/intranet")).toHaveLength(1));
  await waitFor(() => expect(hub.calls("GET", "/ui/api/integrations/intranet")).toHaveLength(2));
});

test("a test of the set-up sends what was typed, saves nothing, and does not stand in the way", async () => {
  hub.accounts = {
    integrations: [
      integration("github", "GitHub", { credentials: "own", client_id: "id1", client_secret_set: true }),
    ],
    connections: [],
  };
  history.replaceState(null, "", "/#/integrations/github");
  render(App);
  await shown("setup-form");
  await type("client-id", "id2");
  await type("client-secret", "s3cret-s3cret");
  await fireEvent.click(screen.getByTestId("check"));
  expect((await shown("check-page")).dataset.result).toBe("failed");
  expect(screen.getByTestId("checks-verdict").textContent).toMatch(/would not work/);
  expect(hub.calls("POST", "/ui/api/integrations/github/check")[0]!.body).toEqual({
    client_id: "id2",
    client_secret: "s3cret-s3cret",
  });
  expect(hub.calls("PUT", "/ui/api/integrations/github")).toHaveLength(0);
  await fireEvent.submit(screen.getByTestId("setup-form"));
  await waitFor(() => expect(hub.calls("PUT", "/ui/api/integrations/github")).toHaveLength(1));
});

test("what was tested is forgotten when it is changed", async () => {
  history.replaceState(null, "", "/#/integrations/github");
  render(App);
  await fireEvent.click(await shown("check"));
  await shown("check-page");
  await type("description", "Something else");
  await waitFor(() => expect(screen.queryByTestId("checks")).toBeNull());
});

test("a long list of permissions begins with what is chosen", async () => {
  const scopes = Array.from({ length: 30 }, (_, n) => ({
    name: `scope.${n}`,
    title: `Do thing ${n}`,
    default: n === 0,
    required: false,
    selected: n === 0 || n === 7,
  }));
  hub.accounts = { integrations: [integration("github", "GitHub", { scopes })], connections: [] };
  history.replaceState(null, "", "/#/integrations/github");
  render(App);
  await shown("scope-scope.7");
  expect(screen.queryByTestId("scope-scope.8")).toBeNull();
  await type("scope-search", "thing 21");
  await fireEvent.click(await shown("scope-scope.21"));
  await type("scope-search", "");
  expect(((await shown("scope-scope.21")) as HTMLInputElement).checked).toBe(true);
  await fireEvent.click(screen.getByTestId("scope-all"));
  expect(await shown("scope-scope.8")).toBeTruthy();
  await fireEvent.submit(screen.getByTestId("setup-form"));
  await waitFor(() =>
    expect(hub.calls("PUT", "/ui/api/integrations/github")[0]!.body).toEqual({
      scopes: ["scope.0", "scope.7", "scope.21"],
    }),
  );
});

test("a box of the settings shows what the hub says, whatever was asked for", async () => {
  location.hash = "#/settings";
  render(App);
  const box = (await shown("lock-screen")) as HTMLInputElement;
  const before = box.checked;
  await fireEvent.click(box);
  await waitFor(() => expect(hub.calls("PUT", "/ui/api/lock/settings")).toHaveLength(1));
  expect(hub.calls("PUT", "/ui/api/lock/settings")[0]!.body).toMatchObject({ screen: !before });
  await waitFor(() => expect(box.checked).toBe(before)); // this hub changes nothing
});
