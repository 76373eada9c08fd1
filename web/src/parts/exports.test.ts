import { expect, test } from "vitest";
import type { FilmAnswer, ImageAnswer } from "../api/types";
import { csvOf, edlOf, vttOf, xmpOf } from "./exports";

const photo = (person: string | null, outcome = "match") =>
  ({
    size: [100, 200],
    reason: null,
    faces: [{ box: [20, 10, 60, 50], decision: { outcome, person, score: 4.5, threshold: 3, probability: 0.9, reason: "so", candidates: [] } }],
  }) as unknown as ImageAnswer;

test("a table has one row per face, and a photo without a face says why", () => {
  const none = { ...photo(null), faces: [], reason: "too-small" } as unknown as ImageAnswer;
  const rows = csvOf([["a.jpg", photo("Ada")], ["b.jpg", none], ["c.jpg", undefined]]).trim().split("\r\n");
  expect(rows).toHaveLength(3);
  expect(rows[1]).toBe("a.jpg,1,20,10,60,50,match,Ada,,4.5,3,0.9,so");
  expect(rows[2]).toContain("none");
  expect(rows[2]).toContain("too-small");
});

test("a name cannot run a formula, and quotes are doubled", () => {
  expect(csvOf([["a.jpg", photo('=HYPERLINK("x")')]])).toContain(`"'=HYPERLINK(""x"")"`);
  expect(csvOf([["a.jpg", photo("-1")]])).toContain(",-1,");
});

test("regions are centres and shares of the photo; only a match has a name", () => {
  const xmp = xmpOf(photo('A & "B" <c>'));
  expect(xmp).toContain('stArea:x="0.200000" stArea:y="0.300000" stArea:w="0.200000" stArea:h="0.400000"');
  expect(xmp).toContain("A &#38; &#34;B&#34; &#60;c&#62;");
  expect(xmpOf(photo("Ada", "review"))).not.toContain("Ada");
});

test("appearances become an edit list and captions", () => {
  const film = { appearances: [{ label: "Ada\n--> x", start: 1.5, end: 61.25, tracks: [] }] } as unknown as FilmAnswer;
  const edl = edlOf("talk.mp4", film);
  expect(edl).toContain("001  AX       V     C        00:00:01:12 00:01:01:06 00:00:00:00 00:00:59:18");
  expect(edl.split("\r\n").filter((line) => line.startsWith("* FROM"))).toHaveLength(1);
  expect(vttOf(film)).toContain("00:00:01.500 --> 00:01:01.250\nAda");
});
