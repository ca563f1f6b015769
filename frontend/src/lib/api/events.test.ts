// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createParser, listen } from "./events";

const parse = (...chunks: string[]) => {
  const out: string[] = [];
  const feed = createParser((d) => out.push(d));
  chunks.forEach(feed);
  return out;
};

test("events, comments and other fields", () => {
  expect(parse(": hello\n\ndata: a\n\nevent: x\nid: 1\ndata:b\n\n: beat\n\n")).toEqual(["a", "b"]);
});

test("several data lines are one event", () => {
  expect(parse("data: a\ndata\ndata:  b\n\n")).toEqual(["a\n\n b"]);
});

test("every line end, cut at every place", () => {
  for (const end of ["\n", "\r\n", "\r"]) {
    const text = `data: one${end}${end}data: two${end}${end}: tail${end}`;
    for (let i = 0; i <= text.length; i++) {
      expect(parse(text.slice(0, i), text.slice(i)), `${JSON.stringify(end)} at ${i}`).toEqual([
        "one",
        "two",
      ]);
    }
  }
});

test("an event that is not finished is not told", () => {
  expect(parse("data: a\n")).toEqual([]);
});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A hub whose streams the test writes to. */
function fakeHub(status = 200) {
  const streams: ReadableStreamDefaultController<Uint8Array>[] = [];
  const fetch = vi.fn<typeof globalThis.fetch>(async (_, init) => {
    const body = new ReadableStream<Uint8Array>({
      start(c) {
        streams.push(c);
        init?.signal?.addEventListener("abort", () => c.error(new DOMException("aborted", "AbortError")));
      },
    });
    return new Response(body, { status });
  });
  const send = (text: string) => streams.at(-1)!.enqueue(new TextEncoder().encode(text));
  return { fetch, streams, send };
}

function start(hub: ReturnType<typeof fakeHub>) {
  const onEvent = vi.fn();
  const onState = vi.fn();
  const onEnded = vi.fn();
  const stop = listen({
    token: () => "t",
    onEvent,
    onState,
    onEnded,
    fetch: hub.fetch,
    silence: 1000,
    backoff: () => 200,
  });
  return { onEvent, onState, onEnded, stop };
}

test("events arrive, and the session goes in a header", async () => {
  const hub = fakeHub();
  const { onEvent, onState, stop } = start(hub);
  await vi.advanceTimersByTimeAsync(0);
  hub.send('data: {"type":"flow.changed","flow":"f1"}\n\ndata: not json\n\n');
  await vi.advanceTimersByTimeAsync(0);
  expect(onEvent.mock.calls).toEqual([[{ type: "flow.changed", flow: "f1" }]]);
  expect(onState).toHaveBeenLastCalledWith(true);
  expect(hub.fetch.mock.calls[0]![1]!.headers).toMatchObject({ "Standpipe-Session": "t" });
  stop();
});

test("silence and an end both lead to a new stream; heartbeats keep it", async () => {
  const hub = fakeHub();
  const { onState, stop } = start(hub);
  await vi.advanceTimersByTimeAsync(900);
  hub.send(": beat\n\n");
  await vi.advanceTimersByTimeAsync(900);
  expect(hub.fetch).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(150);
  expect(hub.fetch).toHaveBeenCalledTimes(2);
  expect(onState.mock.calls).toEqual([[true], [true]]); // it is told of no gap
  hub.streams.at(-1)!.close(); // at once: whoever does that is not asked in a hurry
  await vi.advanceTimersByTimeAsync(150);
  expect(hub.fetch).toHaveBeenCalledTimes(2);
  expect(onState).toHaveBeenLastCalledWith(false);
  await vi.advanceTimersByTimeAsync(100);
  expect(hub.fetch).toHaveBeenCalledTimes(3);
  stop();
  await vi.advanceTimersByTimeAsync(5000);
  expect(hub.fetch).toHaveBeenCalledTimes(3);
});

test("401 ends it for good", async () => {
  const hub = fakeHub(401);
  const { onEnded } = start(hub);
  await vi.advanceTimersByTimeAsync(5000);
  expect(onEnded).toHaveBeenCalledOnce();
  expect(hub.fetch).toHaveBeenCalledOnce();
});
