// SPDX-License-Identifier: Apache-2.0
// What the page knows of the hub, kept fresh by its events.
import { getContext, setContext } from "svelte";
import type { Approval, Lock, Pairing } from "./api/access";
import { ApiError, asErrorBody, createClient, type Client } from "./api/client";
import { listen } from "./api/events";
import type { Accounts, ErrorBody, Hub, HubEvent } from "./api/types";
import { Pictures } from "./pictures";
import { forgetSession, inWindow, keepSession, sessionToken, takeCode } from "./host";

export interface ToastText {
  id: number;
  tone: "good" | "bad" | "info";
  text: string;
}

export class HubState {
  readonly client: Client;
  readonly window = inWindow();
  readonly pictures: Pictures;
  accounts = $state.raw<Accounts>();
  about = $state.raw<Hub>();
  /** Apps that wait for an answer, oldest first. */
  approvals = $state.raw<Approval[]>([]);
  /** Programs that want to become apps. */
  pairings = $state.raw<Pairing[]>([]);
  lock = $state.raw<Lock>();
  /** Why the accounts could not be read; what was read before stays. */
  error = $state.raw<ErrorBody>();
  ended = $state(false);
  /** Why a link did not open a session. */
  endedBecause = $state("");
  live = $state(true);
  toasts = $state.raw<ToastText[]>([]);

  // eslint-disable-next-line svelte/prefer-svelte-reactivity -- nothing is drawn from it
  #listeners = new Set<(e: HubEvent) => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reading = false;
  #again = false;
  #nextToast = 0;

  constructor() {
    this.client = createClient({ token: sessionToken, onEnded: () => this.#end() });
    this.pictures = new Pictures((id) => this.client.picture(id));
  }

  /** Opens the session, reads everything, and follows the events; returns the end. */
  start(): () => void {
    let stopped = false;
    let stop = () => {};
    const focus = () => this.refresh(0);
    void this.#open().then((open) => {
      if (!open || stopped) return;
      let stood = false;
      stop = listen({
        token: sessionToken,
        onEvent: (e) => this.#onEvent(e),
        onState: (live) => {
          // What happened between two streams was not told.
          if (live && stood) this.#onEvent({ type: "resync", time: "" });
          stood ||= live;
          this.live = live;
        },
        onEnded: () => this.#end(),
      });
      addEventListener("focus", focus);
      this.refresh(0);
    });
    return () => {
      stopped = true;
      stop();
      removeEventListener("focus", focus);
      clearTimeout(this.#timer);
    };
  }

  #end() {
    forgetSession();
    this.ended = true;
  }

  /** Ends the session of this tab. */
  endSession() {
    this.#end();
  }

  async #open(): Promise<boolean> {
    const code = takeCode();
    if (code) {
      forgetSession();
      try {
        keepSession((await this.client.login(code)).token);
      } catch (e) {
        this.endedBecause = asErrorBody(e).message;
        this.ended = true;
        return false;
      }
    }
    if (!sessionToken() && !import.meta.env.DEV) {
      this.ended = true;
      return false;
    }
    return true;
  }

  #onEvent(e: HubEvent) {
    for (const l of this.#listeners) l(e);
    this.refresh(80);
  }

  /** Calls l at every event; returns the end of it. */
  onEvent(l: (e: HubEvent) => void): () => void {
    this.#listeners.add(l);
    return () => this.#listeners.delete(l);
  }

  /** Reads the accounts soon; many calls are one reading. */
  refresh(delay = 0) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#read(), delay);
  }

  async #read() {
    if (this.ended) return;
    if (this.#reading) {
      this.#again = true;
      return;
    }
    this.#reading = true;
    try {
      // These two answer whatever the lock.
      [this.lock, this.about] = await Promise.all([this.client.lock(), this.client.hub()]);
      if (this.lock.locked) {
        this.approvals = [];
        this.pairings = [];
        this.pictures.clear();
        return;
      }
      const [accounts, approvals, pairings] = await Promise.all([
        this.client.accounts(),
        this.client.approvals(),
        this.client.pairings(),
      ]);
      this.accounts = accounts;
      this.approvals = approvals.approvals;
      this.pairings = pairings.pairings;
      this.error = undefined;
    } catch (e) {
      this.error = asErrorBody(e);
      if (!(e instanceof ApiError) || e.status !== 401) this.refresh(3000);
    } finally {
      this.#reading = false;
      if (this.#again) {
        this.#again = false;
        this.refresh(0);
      }
    }
  }

  /** Says something that needs no answer. */
  toast(tone: ToastText["tone"], text: string) {
    const id = this.#nextToast++;
    this.toasts = [...this.toasts, { id, tone, text }];
    setTimeout(() => this.dismiss(id), tone === "bad" ? 12_000 : 6000);
  }

  dismiss(id: number) {
    this.toasts = this.toasts.filter((t) => t.id !== id);
  }
}

const key = Symbol("hub");
export const provideHub = (hub: HubState) => setContext(key, hub);
export const useHub = () => getContext<HubState>(key);
