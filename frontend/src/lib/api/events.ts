// SPDX-License-Identifier: Apache-2.0
import { sessionHeader } from "./client";
import type { HubEvent } from "./types";

/**
 * Reads a text/event-stream piece by piece (WHATWG HTML, 9.2.6), as far as the
 * hub uses it: data lines and comments. onData gets the data of each event.
 */
export function createParser(onData: (data: string) => void): (chunk: string) => void {
  let rest = "";
  let data: string[] = [];
  return (chunk) => {
    rest += chunk;
    // A CR at the very end may be half of a CRLF.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) onData(data.join("\n"));
        data = [];
      } else if (line === "data") {
        data.push("");
      } else if (line.startsWith("data:")) {
        data.push(line.slice(line[5] === " " ? 6 : 5));
      }
    }
  };
}

export interface ListenConfig {
  token: () => string;
  onEvent: (event: HubEvent) => void;
  /** True each time a stream stands, false where none can be had. */
  onState: (live: boolean) => void;
  onEnded: () => void;
  fetch?: typeof fetch;
  /** Milliseconds of silence after which the stream counts as dead; the hub beats every 15 s. */
  silence?: number;
  /** Milliseconds to wait before try n (from 0). */
  backoff?: (n: number) => number;
}

const defaultBackoff = (n: number) => Math.min(500 * 2 ** n, 15_000) * (0.75 + Math.random() / 2);

/** Milliseconds after which a stream that ends is no reason to wait with the next. */
const settled = 1000;

/** Keeps one event stream open until the returned function is called. */
export function listen(config: ListenConfig): () => void {
  const stop = new AbortController();
  const send = config.fetch ?? ((...args: Parameters<typeof fetch>) => fetch(...args));
  const backoff = config.backoff ?? defaultBackoff;

  async function stream(onAlive: () => void): Promise<void> {
    const aborter = new AbortController();
    const abort = () => aborter.abort();
    stop.signal.addEventListener("abort", abort);
    let timer = setTimeout(abort, config.silence ?? 45_000);
    try {
      const answer = await send("/ui/api/events", {
        headers: { Accept: "text/event-stream", [sessionHeader]: config.token() },
        cache: "no-store",
        signal: aborter.signal,
      });
      if (answer.status === 401) {
        stop.abort();
        config.onEnded();
        return;
      }
      if (!answer.ok || !answer.body) return;
      onAlive();
      const feed = createParser((data) => {
        try {
          config.onEvent(JSON.parse(data) as HubEvent);
        } catch {
          // Not of this version; whoever listens looks at everything anyway.
        }
      });
      const reader = answer.body.getReader();
      const decoder = new TextDecoder();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(timer);
        timer = setTimeout(abort, config.silence ?? 45_000);
        feed(decoder.decode(value, { stream: true }));
      }
    } finally {
      clearTimeout(timer);
      stop.signal.removeEventListener("abort", abort);
      aborter.abort();
    }
  }

  async function run() {
    for (let tries = 0; !stop.signal.aborted; tries++) {
      let since = Infinity;
      try {
        await stream(() => {
          tries = 0;
          since = Date.now();
          config.onState(true);
        });
      } catch {
        // The hub went away, or the silence was too long: try again.
      }
      if (stop.signal.aborted) return;
      // A stream that ends, as each does in time, is no hub that is away: that
      // is said where another one cannot be had at once.
      if (Date.now() - since > settled) continue;
      config.onState(false);
      await pause(backoff(tries), stop.signal);
    }
  }
  void run();
  return () => stop.abort();
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
