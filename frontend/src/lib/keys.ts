// SPDX-License-Identifier: Apache-2.0

/** Where the master key comes from (as in --key), in words. */
export function keyWords(source: string): { title: string; words: string } {
  const [kind, rest = ""] = [source.split(":")[0] ?? "", source.slice(source.indexOf(":") + 1)];
  switch (kind) {
    case "keychain":
      return {
        title: "The key is in your keychain",
        words: "It is there while you are logged in. Everything stored is encrypted with it.",
      };
    case "file":
      return {
        title: `The key is in a file${rest ? `: ${rest}` : ""}`,
        words:
          "Whoever can read that file and the data folder can read your tokens. Keep them apart in backups.",
      };
    case "passphrase-file":
    case "passphrase-fd":
    case "passphrase":
      return {
        title: "The key is made of your passphrase",
        words: "It is asked for, or handed over, at each start. Without it nobody reads the data folder.",
      };
    case "credential":
      return {
        title: `systemd hands the key over${rest ? ` (${rest})` : ""}`,
        words: "It comes as a credential of the service, and is in no file of yours.",
      };
    default:
      return { title: source || "Not known", words: "Everything stored is encrypted with it." };
  }
}
