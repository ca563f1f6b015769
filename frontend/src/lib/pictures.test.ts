// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { Pictures } from "./pictures";

/** A hub that answers when it is told to. */
function slow() {
  const asked: { id: string; answer: (png: string) => void; fail: () => void }[] = [];
  const pictures = new Pictures(
    (id) =>
      new Promise((resolve, reject) =>
        asked.push({ id, answer: (png) => resolve({ png }), fail: () => reject(new Error("no")) }),
      ),
  );
  return { asked, pictures };
}

const settle = () => new Promise((r) => setTimeout(r));

test("a picture is asked for once, and again when it is another one", async () => {
  const { asked, pictures } = slow();
  const first = [pictures.load({ id: "a", picture: "1" }), pictures.load({ id: "a", picture: "1" })];
  asked[0]!.answer("AAAA");
  expect(await Promise.all(first)).toEqual(Array(2).fill("data:image/png;base64,AAAA"));
  expect(await pictures.load({ id: "a", picture: "1" })).toBe(pictures.peek({ id: "a", picture: "1" }));
  expect(pictures.peek({ id: "a", picture: "2" })).toBe("");
  void pictures.load({ id: "a", picture: "2" });
  expect(asked.map((a) => a.id)).toEqual(["a", "a"]);
});

test("two at a time, and one that fails holds nobody up", async () => {
  const { asked, pictures } = slow();
  const all = ["a", "b", "c", "d"].map((id) => pictures.load({ id, picture: "1" }));
  expect(asked.map((a) => a.id)).toEqual(["a", "b"]);
  asked[0]!.fail();
  await settle();
  expect(asked.map((a) => a.id)).toEqual(["a", "b", "c"]);
  asked[1]!.answer("B");
  asked[2]!.answer("C");
  await settle();
  asked[3]!.answer("D");
  expect((await Promise.all(all)).map((url) => url.slice(-1))).toEqual(["", "B", "C", "D"]);
  void pictures.load({ id: "a", picture: "1" }); // shown again
  expect(asked.at(-1)!.id).toBe("a");
});

test("after a clear nothing is left, not even of what was on its way", async () => {
  const { asked, pictures } = slow();
  const one = pictures.load({ id: "a", picture: "1" });
  pictures.clear();
  asked[0]!.answer("AAAA");
  await one;
  expect(pictures.peek({ id: "a", picture: "1" })).toBe("");
});
