// SPDX-License-Identifier: Apache-2.0
import { expect, test, vi } from "vitest";
import { ApiError, createClient } from "./client";

function setUp(answer: () => Response | Promise<Response>) {
  const fetch = vi.fn<typeof globalThis.fetch>(async () => answer());
  const onEnded = vi.fn();
  return { fetch, onEnded, client: createClient({ token: () => "t0ken", onEnded, fetch }) };
}

test("a call carries the session header and a JSON string", async () => {
  const { client, fetch } = setUp(() => Response.json({ id: "f1" }));
  expect(await client.startFlow({ integration: "github" })).toEqual({ id: "f1" });
  const [path, init] = fetch.mock.calls[0]!;
  expect(path).toBe("/ui/api/flows");
  expect(init).toMatchObject({
    method: "POST",
    headers: { "Standpipe-Session": "t0ken", "Content-Type": "application/json" },
    body: '{"integration":"github"}',
    redirect: "error",
  });
});

test("a name cannot leave its place in the path", async () => {
  const { client, fetch } = setUp(() => Response.json({}));
  await client.integration("../hub?x#y");
  expect(fetch.mock.calls[0]![0]).toBe("/ui/api/integrations/..%2Fhub%3Fx%23y");
});

test("an empty answer is nothing", async () => {
  const { client } = setUp(() => new Response(null, { status: 204 }));
  expect(await client.cancelFlow("f1")).toBeUndefined();
});

test("an error keeps the hub's words", async () => {
  const body = {
    message: "the client id is missing",
    code: "invalid_request",
    remedy: "Enter it.",
    field: "client_id",
  };
  const { client, onEnded } = setUp(() => Response.json(body, { status: 400 }));
  const e = (await client.accounts().catch((e: unknown) => e)) as ApiError;
  expect(e).toBeInstanceOf(ApiError);
  expect(e.status).toBe(400);
  expect(e.body).toEqual(body);
  expect(onEnded).not.toHaveBeenCalled();
});

test("401 ends the session", async () => {
  const { client, onEnded } = setUp(() =>
    Response.json({ message: "ended", code: "unauthorized" }, { status: 401 }),
  );
  await expect(client.accounts()).rejects.toThrow("ended");
  expect(onEnded).toHaveBeenCalledOnce();
});

test.each([
  ["a page of a proxy", () => new Response("<h1>Bad gateway</h1>", { status: 502 }), 502],
  ["JSON of another kind", () => Response.json([1], { status: 500 }), 500],
  ["no JSON in a success", () => new Response("hello"), 200],
  ["no hub at all", () => Promise.reject(new TypeError("refused")), 0],
])("%s is told in words", async (_, answer, status) => {
  const { client } = setUp(answer);
  const e = (await client.hub().catch((e: unknown) => e)) as ApiError;
  expect(e).toBeInstanceOf(ApiError);
  expect(e.status).toBe(status);
  expect(e.message).toMatch(/^Standpipe /);
});
