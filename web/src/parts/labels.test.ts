import { describe, expect, test } from "vitest";
import { labelsOf } from "./labels";

describe("groups of people", () => {
  test.each([
    ["person,group\nAda,old\nBob,young\n", { Ada: "old", Bob: "young" }],
    ["\uFEFFGroup;Person\r\nold;Ada\r\n\r\nyoung;Bob", { Ada: "old", Bob: "young" }],
    ['"Byron, Ada",old\nBob,"a ""b"""', { "Byron, Ada": "old", Bob: 'a "b"' }],
    ["Ada\told", { Ada: "old" }],
    ["Ada\nBob,", {}],
    ["", {}],
  ])("%j", (text, labels) => expect(labelsOf(text)).toEqual(labels));
});

test("a picture is no table", () => {
  expect(labelsOf("\uFFFD\uFFFD\0JFIF,x\nperson;group")).toEqual({});
});
