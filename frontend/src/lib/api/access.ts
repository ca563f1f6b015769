// SPDX-License-Identifier: Apache-2.0
// Apps, approvals, pairings, the lock and the audit; mirrors
// app/internal/api/contract/{access,activity}.go.
import type { Account } from "./types";

export type AppKind = "app" | "server";
export type GrantMode = "token" | "relay";
export type GrantLife = "always" | "until" | "until_lock" | "once";

/** A process as the kernel tells of it; pid 0 or absent: not known. */
export interface Peer {
  uid: number;
  pid?: number;
  exe?: string;
  /** What it calls itself, where exe is not told: no fact. */
  name?: string;
}

export interface Grant {
  id: string;
  integration: string;
  connection?: string;
  account?: string;
  scopes?: string[];
  accept_wider?: boolean;
  audience?: string;
  mode: GrantMode;
  lasts: GrantLife;
  expires_at?: string;
  created_at?: string;
}

export interface App {
  id: string;
  name: string;
  kind: AppKind;
  all: boolean;
  grants: Grant[];
  program?: Peer;
  created_at: string;
  last_used?: string;
  expires_at?: string;
}

export interface Apps {
  apps: App[];
  damaged?: DamagedApp[];
}

/** One that cannot be read. To revoke it removes what is left of it. */
export interface DamagedApp {
  id: string;
  problem: string;
}

export interface NewGrant {
  integration: string;
  connection?: string;
  scopes?: string[];
  accept_wider?: boolean;
  audience?: string;
  mode?: GrantMode;
  lasts?: GrantLife;
  /** Seconds, with lasts "until". */
  for?: number;
}

export interface AddApp {
  name: string;
  kind?: AppKind;
  grants?: NewGrant[];
}

export interface AddedApp extends App {
  key: string;
}

export interface Revoked {
  outstanding: { connection: string; integration: string; account?: string; expires_at: string | null }[];
}

export interface ScopeWords {
  name: string;
  title: string;
}

export interface Approval {
  id: string;
  app: string;
  app_name: string;
  app_kind: AppKind;
  program: Peer;
  user: string;
  integration: string;
  integration_name: string;
  connection?: string;
  account?: Account;
  choices: { connected_account_id: string; account: string }[];
  scopes: ScopeWords[];
  limited: boolean;
  narrows: boolean;
  audience?: string;
  relay?: boolean;
  wider: ScopeWords[];
  created_at: string;
  expires_at: string;
}

export interface Approve {
  lasts: GrantLife;
  for?: number;
  connection?: string;
  accept_wider?: boolean;
}

export interface Pairing {
  code: string;
  name: string;
  program: Peer;
  grants: Grant[];
  approved: boolean;
  created_at: string;
  expires_at: string;
}

export interface ApprovePairing {
  name?: string;
  grants?: NewGrant[];
}

export interface LockSettings {
  idle: number;
  screen: boolean;
  suspend: boolean;
  background: "stop" | "keep";
}

export interface Lock {
  locked: boolean;
  since?: string;
  cause?: "user" | "idle" | "screen" | "suspend";
  passphrase: boolean;
  retry_at?: string;
  settings: LockSettings;
  from_file: boolean;
  session: boolean;
}

export type Decision = "allowed" | "denied" | "failed";

export interface ActivityEntry {
  seq: number;
  time: string;
  action: string;
  decision: Decision;
  app?: string;
  app_name?: string;
  connection?: string;
  integration?: string;
  account?: string;
  subject?: string;
  subject_name?: string;
  rule?: string;
  code?: string;
  scope?: string;
  fingerprint?: string;
  generation?: number;
  reach?: string;
  latency_us?: number;
  peer?: Peer;
}

export interface Activity {
  entries: ActivityEntry[];
  next?: number;
  damaged?: number;
}

export interface ActivityFilter {
  app?: string;
  connection?: string;
  decision?: string;
  action?: string;
  before?: number;
  limit?: number;
}

export interface AuditReport {
  ok: boolean;
  entries: number;
  first: number;
  last: number;
  unsealed: number;
  problems: { file?: string; line?: number; seq?: number; message: string }[];
}
