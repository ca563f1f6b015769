// SPDX-License-Identifier: Apache-2.0
// Saving a file. In the window the program asks where and writes it; a
// download there would land in the home folder without a question.
import type { Client } from "./api/client";
import { inWindow } from "./host";

/** Returns where it went, in words; empty: the person did not want it after all. */
export async function saveText(client: Client, name: string, text: string): Promise<string> {
  if (inWindow()) return (await client.saveFile(name, text)).path;
  const link = document.createElement("a");
  link.href = `data:text/plain;charset=utf-8,${encodeURIComponent(text)}`;
  link.download = name;
  link.click();
  return `${name}, among your downloads`;
}
