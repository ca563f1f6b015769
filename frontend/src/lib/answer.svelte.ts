// SPDX-License-Identifier: Apache-2.0
// A yes or a no to a program that asks.
import { asErrorBody } from "./api/client";
import type { ErrorBody } from "./api/types";
import type { HubState } from "./hub.svelte";

export class Answering {
  /** Which answer is under way. */
  busy = $state<"" | "yes" | "no">("");
  error = $state.raw<ErrorBody>();
  readonly #hub: HubState;
  readonly #done: () => void;

  constructor(hub: HubState, done: () => void) {
    this.#hub = hub;
    this.#done = done;
  }

  /** Sends it; done is called unless it did not arrive. */
  async give(which: "yes" | "no", send: () => Promise<unknown>) {
    this.busy = which;
    this.error = undefined;
    try {
      await send();
      this.#done();
    } catch (e) {
      this.error = asErrorBody(e);
    } finally {
      this.busy = "";
      this.#hub.refresh(); // the question may be gone, whoever answered it
    }
  }
}
